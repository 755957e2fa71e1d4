"""Ours with very many tasks waiting, killed and started again: `pending measure 1000000`.

`pending fill FOLDER TASKS`, `pending start FOLDER` and `pending count FOLDER` are the processes that it starts.
"""

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from time import monotonic

from fastapi import FastAPI
from google.cloud.tasks_v2 import CloudTasksAsyncClient, GetQueueRequest, HttpRequest, ListTasksRequest, Task

from bench.contestants.embedding import URL, create_queues, service
from bench.contestants.load import spread
from bench.contestants.memory import resident
from bench.contestants.noops import QUEUES
from fastapi_gcp_tasks import LocalService

STARTS = 9
IN_FLIGHT = 500
BODY = json.dumps({"number": 1, "sent": 1.5}).encode()


async def create(client: CloudTasksAsyncClient, number: int, when: datetime) -> None:
    """A task that waits until then."""
    request = HttpRequest(url=f"{URL}/noop", body=BODY, headers={"content-type": "application/json"})
    await client.create_task(parent=QUEUES[number % len(QUEUES)], task=Task(http_request=request, schedule_time=when))


async def fill(folder: str, tasks: int) -> None:
    """Accept that many tasks for tomorrow, tell what they cost, and stay."""
    local = service(folder)
    create_queues(local)
    client = local.async_tasks_client()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    async with local.running(FastAPI()):
        empty = resident()
        await spread(lambda number: create(client, number, tomorrow), tasks, IN_FLIGHT)
        full = resident()
        await _tell_and_stay({"memory": full / 2**20, "bytes a task": (full - empty) / tasks})


async def start(folder: str) -> None:
    """Start on what is there, tell how long that took, and stay."""
    began = monotonic()
    local = service(folder)
    async with local.running(FastAPI()):
        await local.async_tasks_client().get_queue(request=GetQueueRequest(name=QUEUES[0]))
        took = monotonic() - began
        await _tell_and_stay({"ready": took * 1e3, "memory": resident() / 2**20})


async def _tell_and_stay(figures: dict[str, float]) -> None:
    print(json.dumps(figures), flush=True)
    await asyncio.Event().wait()


def count(folder: str) -> None:
    """Tell how many tasks there are."""
    print(json.dumps({"tasks": sum(_counted(service(folder)))}), flush=True)


def _counted(local: LocalService) -> Iterator[int]:
    client = local.tasks_client()
    for queue in QUEUES:
        for page in client.list_tasks(request=ListTasksRequest(parent=queue, page_size=1000)).pages:
            yield len(page.tasks)


def told(*arguments: str) -> dict[str, float]:
    """What such a process tells, after which it is killed with no warning."""
    command = [sys.executable, "-m", "bench.contestants.pending", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        process.kill()
    figures: dict[str, float] = json.loads(line)
    return figures


def measure(tasks: int) -> dict[str, float]:
    with TemporaryDirectory() as folder:
        filled = told("fill", folder, str(tasks))
        starts = [told("start", folder) for _ in range(STARTS)]
        left = told("count", folder)["tasks"]
    return {
        **filled,
        "lost": tasks - left,
        "ready": statistics.median(each["ready"] for each in starts),
        "memory after a restart": statistics.median(each["memory"] for each in starts),
    }


def main(what: str, *arguments: str) -> None:
    match what, arguments:
        case "measure", (tasks,):
            print(json.dumps(measure(int(tasks))))
        case "fill", (folder, tasks):
            asyncio.run(fill(folder, int(tasks)))
        case "start", (folder,):
            asyncio.run(start(folder))
        case "count", (folder,):
            count(folder)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
