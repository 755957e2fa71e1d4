"""The service on a port, with that many tasks waiting until tomorrow: `backlog 1000000`."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

from google.cloud.tasks_v2 import BatchCreateTasksRequest, CreateTaskRequest, HttpRequest, Task

from bench.contestants import servers
from bench.contestants.embedding import URL, create_queues, service
from bench.contestants.load import TASKS, throughput
from bench.contestants.noops import QUEUES
from bench.contestants.port import Client, creates, lateness, serving
from bench.contestants.tally import Hearer
from fastapi_gcp_tasks.utils import async_emulator_client

AT_A_TIME = 100
"""As many as one call of BatchCreateTasks may have."""
ONE_BY_ONE = 2_000
"""Tasks that are created each after the one before."""


def fill(folder: str, tasks: int) -> None:
    """Let the folder's database have the queues, and that many tasks."""
    local = service(folder)
    create_queues(local)
    client = local.tasks_client()
    request = HttpRequest(url=f"{URL}/noop", body=json.dumps({"number": 1, "sent": 1.5}).encode())
    waiting = Task(http_request=request, schedule_time=datetime.now(UTC) + timedelta(days=1))
    batches = [
        BatchCreateTasksRequest(parent=queue, requests=[CreateTaskRequest(parent=queue, task=waiting)] * AT_A_TIME)
        for queue in QUEUES
    ]
    for number in range(tasks // AT_A_TIME):
        client.batch_create_tasks(request=batches[number % len(QUEUES)])


async def measure(address: str, url: str, what: str, hearer: Hearer) -> dict[str, float]:
    client = Client(async_emulator_client(host=address), url)
    match what:
        case "flow":
            return await throughput(client.create, hearer)
        case "lateness":
            return await lateness(client.create, hearer)
        case _:
            alone = await creates(client, ONE_BY_ONE, 1)
            return {"creates, 1 in flight": alone["creates"], **await creates(client)}


def main(waiting: str) -> None:
    figures: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        fill(folder, int(waiting))
        with serving(folder) as address:
            for what in ("flow", "lateness", "creates"):
                # A receiver counts once.
                with Hearer(TASKS) as hearer, servers.uvicorn("bench.contestants.port:receiver") as url:
                    figures |= asyncio.run(measure(address, url, what, hearer))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
