"""The application whose tasks are functions that do nothing; what runs is what `noops.py` has as endpoints."""

from typing import Any

from fastapi import FastAPI

from bench.contestants.embedding import URL
from bench.contestants.noops import QUEUES, Ping
from bench.contestants.tally import Tally
from cloudtask import CloudTaskClient
from cloudtask.fastapi import CloudTaskRouter
from fastapi_gcp_tasks import LocalService


def application(local: LocalService, *, sync: bool = False) -> tuple[FastAPI, list[Any]]:
    """An application, and its one function as a task of each queue."""
    tally = Tally()
    client = CloudTaskClient(
        project="p",
        location="l",
        url=f"{URL}/tasks/run",
        secret="of the queue",
        client=local.tasks_client(),
        async_client=local.async_tasks_client,
    )

    async def noop(ping: Ping) -> None:
        tally.ran(ping.number, ping.sent)

    def noop_in_thread(ping: Ping) -> None:
        tally.ran(ping.number, ping.sent)

    queues = [name.rpartition("/")[2] for name in QUEUES]
    tasks = [client.task(name=f"noop of {queue}", queue=queue)(noop_in_thread if sync else noop) for queue in queues]
    app = FastAPI()
    app.include_router(CloudTaskRouter(client), prefix="/tasks")
    return app, tasks


def in_turns(tasks: list[Any], *, sync: bool) -> Any:
    """What enqueues one task after another: each is of another queue, as those of endpoints are."""

    def call(number: int, sent: float) -> Any:
        task = tasks[number % len(tasks)](Ping(number=number, sent=sent))
        return task.sync_push() if sync else task.push()

    return call
