"""What jobs publish where there is no emulator of Pub/Sub."""

from functools import partial

from fastapi import FastAPI
from google.cloud.scheduler_v1 import Job, PubsubTarget

from fastapi_gcp_tasks import LocalService
from server.server_apps import URL, Done

LOCATION = "projects/p/locations/l"
LARGE = 900_000


async def test_large_messages_are_kept_as_far_as_there_is_room_for_them() -> None:
    local = LocalService("memory:", app_url=URL)
    jobs = local.async_scheduler_client()
    async with local.running(FastAPI()):
        for number, data in enumerate([b"first", *[bytes(LARGE)] * 20, b"last"]):
            target = PubsubTarget(topic_name="projects/p/topics/topic", data=data, attributes={"number": str(number)})
            name = f"{LOCATION}/jobs/j{number}"
            await jobs.create_job(parent=LOCATION, job=Job(name=name, schedule="0 0 1 1 *", pubsub_target=target))
            await jobs.run_job(name=name)
            await Done().until(partial(is_there, local, str(number)))
        assert numbers(local) == [str(number) for number in range(3, 22)]
        assert sum(len(message.data) for message in local.published) <= 16 * 1024 * 1024


def numbers(local: LocalService) -> list[str]:
    return [message.attributes["number"] for message in local.published]


def is_there(local: LocalService, number: str) -> bool:
    return number in numbers(local)
