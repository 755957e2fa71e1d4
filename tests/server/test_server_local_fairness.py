"""Many queues with work in one service: each has its turn."""

from collections import Counter

from fastapi import FastAPI
from google.cloud.tasks_v2 import HttpRequest, Task

from fastapi_gcp_tasks import LocalService
from server.server_apps import URL, Done, serving

QUEUES, TASKS = 150, 4


async def test_no_queue_waits_for_another_to_be_empty() -> None:
    local, app, done = LocalService("memory:", app_url=URL), FastAPI(), Done()

    @app.post("/task/{queue}")
    async def task(queue: int) -> None:
        done.append(queue)

    local.install(app)
    client = local.tasks_client()
    for queue in range(QUEUES):
        for _ in range(TASKS):
            made = Task(http_request=HttpRequest(url=f"{URL}/task/{queue}"))
            client.create_task(parent=f"projects/p/locations/l/queues/q{queue}", task=made)
    async with serving(app):
        await done.reach(QUEUES * TASKS)
    delivered: Counter[int] = Counter()
    for queue in done:
        delivered[queue] += 1
        if TASKS not in delivered.values():
            assert max(delivered.values()) - min(delivered[one] for one in range(QUEUES)) <= 1
