"""A service on a port with one Python client and one uvicorn receiver: `port ours|crate flow|creates|lateness`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from fastapi import FastAPI
from fastapi.routing import APIRoute
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CreateQueueRequest, CreateTaskRequest, HttpRequest, Queue, Task

from bench.contestants import servers
from bench.contestants.frozen import freeze
from bench.contestants.load import IN_FLIGHT, TASKS, run, spread, throughput
from bench.contestants.noops import PARENT, QUEUES, Ping, application
from bench.contestants.tally import Hearer
from fastapi_gcp_tasks.utils import async_emulator_client

AHEAD = 15.0
"""Seconds in which all tasks are surely accepted, before the first is due."""
OVER = 10.0
"""Seconds over which the tasks are due."""

Schedule = Callable[[int, float, datetime], Awaitable[object]]
"""Enqueues the no-op of this number for then, which is told twice: on the monotonic clock too."""


@contextmanager
def ours() -> Generator[str]:
    """Our service on a free port, durable; gives its address."""
    with TemporaryDirectory() as folder, serving(folder) as address:
        yield address


@contextmanager
def serving(folder: str) -> Generator[str]:
    """The same, with what the folder holds."""
    port = servers.free_port()
    command = Path(sys.executable).parent / "cloud-tasks-emulator"
    with servers.server([str(command), *options(folder, port)], port):
        yield f"127.0.0.1:{port}"


def options(folder: str, port: int) -> list[str]:
    """Those of the command that serves what the folder holds."""
    return ["--host", "127.0.0.1", "--port", str(port), "--db", f"{folder}/tasks.db", "--log-level", "warning"]


def receiver() -> FastAPI:
    """The receiver's application, as uvicorn asks for it."""
    return application(APIRoute)[0]


class Client:
    """The one Python client, and where its tasks go."""

    def __init__(self, client: CloudTasksAsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def create_queues(self) -> None:
        for name in QUEUES:
            await self._client.create_queue(request=CreateQueueRequest(parent=PARENT, queue=Queue(name=name)))

    async def create(self, number: int, sent: float, when: datetime | None = None) -> None:
        """Enqueue a no-op, for now or for then."""
        body = Ping(number=number, sent=sent).model_dump_json().encode()
        request = HttpRequest(url=f"{self._url}/noop", body=body, headers={"content-type": "application/json"})
        task = Task(http_request=request, schedule_time=when)
        await self._client.create_task(request=CreateTaskRequest(parent=QUEUES[number % len(QUEUES)], task=task))


async def creates(client: Client, tasks: int = TASKS, in_flight: int = IN_FLIGHT) -> dict[str, float]:
    """Tasks accepted a second, none of them due."""
    freeze()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    began = monotonic()
    await spread(lambda number: client.create(number, 0, tomorrow), tasks, in_flight)
    return {"creates": tasks / (monotonic() - began)}


async def lateness(create: Schedule, hearer: Hearer) -> dict[str, float]:
    """Milliseconds from when a task is due until it runs."""
    freeze()
    first, first_monotonic = datetime.now(UTC) + timedelta(seconds=AHEAD), monotonic() + AHEAD

    def create_next(number: int) -> Awaitable[object]:
        later = OVER * number / TASKS
        return create(number, first_monotonic + later, first + timedelta(seconds=later))

    await spread(create_next, TASKS, IN_FLIGHT)
    if monotonic() > first_monotonic:
        raise RuntimeError(f"the tasks were not accepted within {AHEAD} seconds")
    outcome = await asyncio.to_thread(hearer.outcome)
    return {"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3}


async def measure(address: str, url: str, what: str, hearer: Hearer) -> dict[str, float]:
    client = Client(async_emulator_client(host=address), url)
    await client.create_queues()
    match what:
        case "flow":
            return await throughput(client.create, hearer)
        case "creates":
            return await creates(client)
        case _:
            return await lateness(client.create, hearer)


def main(which: str, what: str) -> None:
    service = ours if which == "ours" else servers.crate
    with Hearer(TASKS) as hearer, service() as address, servers.uvicorn("bench.contestants.port:receiver") as url:
        run(measure(address, url, what, hearer))


if __name__ == "__main__":
    main(*sys.argv[1:])
