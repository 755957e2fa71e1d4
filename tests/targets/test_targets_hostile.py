"""Workers that mean harm, or are ill, by the thousand tasks: the tasks of other queues start as if they were not."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from google.cloud.tasks_v2 import HttpRequest, Queue, Task

from gcptasks.base.events import AttemptFailed, AttemptStarted, AttemptSucceeded, Event, TaskCreated
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.runtime.targets.http import HttpTarget
from gcptasks.runtime.targets.pool import PoolLimits
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.server.settings import Settings
from targets.targets_workers import NO_CONTENT, Script, Worker, Workers, answering, read_request

PARENT = "projects/p/locations/l"
MANY = 1000
CONNECTIONS = 100
"""Of the service, to all workers."""
A_STEP = 100
"""As many attempts may start together, before whatever came meanwhile."""
PATIENCE = 30


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await reader.read()


async def never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # typeshed has no transport of both directions here
    await writer.wait_closed()


async def sends_a_byte_a_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    for byte in b"HTTP/1.1 200 OK\r\nX-Padding: %b" % (b"x" * 1000):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Service:
    """A service in this process, and what it told."""

    def __init__(self, backend: Backend) -> None:
        self.client: Any = inprocess.async_client(TASKS, backend.calls)
        self.told: Counter[tuple[type[Event], str]] = Counter()
        """How many events there were, of each kind about the tasks of each queue."""
        self.others: dict[str, int] = {}
        """How many attempts had started when a task was created, and then how many others did before its own."""
        self._started = 0
        self._more = asyncio.Event()
        backend.events.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, TaskCreated):
            self.others[str(event.task)] = self._started
        elif isinstance(event, AttemptStarted | AttemptSucceeded | AttemptFailed):
            self.told[type(event), event.task.queue.queue] += 1
            if isinstance(event, AttemptStarted) and event.attempt == 1:
                self.others[str(event.task)] = self._started - self.others[str(event.task)]
            self._started += isinstance(event, AttemptStarted)
        self._more.set()

    async def until(self, kind: type[Event], queue: str, count: int) -> None:
        """Return once there were so many such events about tasks of the queue."""
        async with asyncio.timeout(PATIENCE):
            while self.told[kind, queue] < count:
                self._more.clear()
                await self._more.wait()

    async def queue(self, name: str) -> str:
        later = {"max_attempts": -1, "min_backoff": timedelta(seconds=2), "max_backoff": timedelta(seconds=2)}
        limits = {"max_dispatches_per_second": 1e6, "max_concurrent_dispatches": MANY}
        queue = Queue(name=f"{PARENT}/queues/{name}", rate_limits=limits, retry_config=later)
        made = await self.client.create_queue(parent=PARENT, queue=queue)
        return str(made.name)

    async def task(self, queue: str, worker: Worker, body: bytes) -> str:
        made = await self.client.create_task(
            parent=queue, task=Task(http_request=HttpRequest(url=worker.url, body=body))
        )
        return str(made.name)


@asynccontextmanager
async def serving() -> AsyncGenerator[Service]:
    http = HttpTarget(limits=PoolLimits(connections=CONNECTIONS))
    backend = Backend(Settings(database="memory:", quotas="none"), lambda: Targets(http=http))
    await backend.start()
    try:
        yield Service(backend)
    finally:
        await backend.stop(timedelta(0))


@pytest.mark.parametrize(
    ("hostile", "tasks", "size"),
    [
        pytest.param(never_answers, MANY, 10, id="never answers"),
        pytest.param(never_reads, MANY, 32_000, id="never reads"),
        pytest.param(sends_a_byte_a_second, MANY, 10, id="a byte a second"),
        pytest.param(resets, 100, 10, id="resets"),
        pytest.param(resets, MANY, 10, id="resets many", marks=pytest.mark.slow),
    ],
)
async def test_tasks_of_another_queue_start_at_once(worker: Workers, hostile: Script, tasks: int, size: int) -> None:
    """By the order of events: no more than a step of other attempts starts before one that is new."""
    bad, good = await worker(hostile), await worker(answering(NO_CONTENT))
    async with serving() as service:
        harmed, fine = await service.queue("harmed"), await service.queue("fine")
        for _ in range(tasks):
            await service.task(harmed, bad, bytes(size))
        await service.until(AttemptStarted, "harmed", tasks)
        for count in range(1, 11):
            name = await service.task(fine, good, bytes(size))
            await service.until(AttemptSucceeded, "fine", count)
            assert service.others[name] <= A_STEP
        assert service.told[AttemptSucceeded, "harmed"] == 0
        assert (service.told[AttemptFailed, "harmed"] > 0) is (hostile is resets)
        await service.client.purge_queue(name=harmed)
