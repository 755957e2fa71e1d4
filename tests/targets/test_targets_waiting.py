"""What waits for a connection when its queue is paused, purged or deleted, or its job: it is not sent."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from operator import ne
from pathlib import Path
from typing import Any

import pytest

from gcptasks.runtime.dispatcher import Dispatcher
from gcptasks.runtime.targets.http import HttpTarget
from gcptasks.runtime.targets.pool import PoolLimits
from gcptasks.runtime.targets.target import NotWanted
from gcptasks.wire.cloud_tasks import messages
from runtime.runtime_world import World, settled
from targets.targets_workers import NO_CONTENT, Worker, Workers, outgoing, read_request


class OneByOne:
    """A worker that answers a request when `answer` is called; `bodies` are those that it was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._turns = asyncio.Semaphore(0)

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, body = await read_request(reader)
            self.bodies.append(body)
            await self._turns.acquire()
            writer.write(NO_CONTENT)
            await writer.drain()

    def answer(self, times: int = 1) -> None:
        for _ in range(times):
            self._turns.release()

    async def received(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.bodies) < count:
                await asyncio.sleep(0.001)


class Waiting:
    """A dispatcher whose first attempt has the only connection, while others wait for it."""

    def __init__(self, worker: Worker, answers: OneByOne, path: Path) -> None:
        self.world = World(path)
        target = HttpTarget(limits=PoolLimits(connections=1))
        self.dispatcher = Dispatcher(self.world.store, target, self.world.clock)
        self.target = target
        self.worker = worker
        self.answers = answers
        self.queue = self.world.queue()

    def task(self, body: bytes, queue: str | None = None) -> str:
        request = messages.HttpRequest(url=self.worker.url, body=body)
        task = messages.Task(http_request=request)
        return str(
            self.world.call("CreateTask", messages.CreateTaskRequest(parent=queue or self.queue, task=task)).name
        )

    async def begin(self, *bodies: bytes) -> list[str]:
        """Have the first one sent, and the others wait; their names."""
        await self.dispatcher.start()
        names = [self.task(body) for body in bodies]
        await self.answers.received(1)
        await settled()
        return names

    def get(self, name: str) -> Any:
        return self.world.get(name)

    async def end(self) -> None:
        await self.dispatcher.stop(timedelta(0))
        await self.target.close()
        self.world.store.close()


@pytest.fixture
async def waiting(worker: Workers, tmp_path: Path) -> AsyncIterator[Waiting]:
    answers = OneByOne()
    made = Waiting(await worker(answers.script), answers, tmp_path / "tasks.db")
    yield made
    await made.end()


@pytest.mark.parametrize("size", [0, 100_000])
async def test_a_task_that_waits_is_not_sent_once_its_queue_is_paused(waiting: Waiting, size: int) -> None:
    # CT-073, CT-L5
    _, second = await waiting.begin(b"1" * size, b"2" * size)
    waiting.world.call("PauseQueue", messages.PauseQueueRequest(name=waiting.queue))
    assert waiting.get(second).dispatch_count == 1
    waiting.answers.answer(5)
    async with asyncio.timeout(20):
        await waiting.world.until(lambda: waiting.get(second).dispatch_count == 0)
    assert len(waiting.answers.bodies) == 1
    assert not waiting.get(second).HasField("first_attempt")
    waiting.world.call("ResumeQueue", messages.ResumeQueueRequest(name=waiting.queue))
    async with asyncio.timeout(20):
        await waiting.world.until(lambda: waiting.world.left(waiting.queue) == 0)
    assert waiting.answers.bodies == [b"1" * size, b"2" * size]


async def test_a_task_is_sent_if_its_queue_is_resumed_while_it_waits(waiting: Waiting) -> None:
    await waiting.begin(b"1", b"2")
    waiting.world.call("PauseQueue", messages.PauseQueueRequest(name=waiting.queue))
    waiting.world.call("ResumeQueue", messages.ResumeQueueRequest(name=waiting.queue))
    waiting.answers.answer(5)
    async with asyncio.timeout(20):
        await waiting.world.until(lambda: waiting.world.left(waiting.queue) == 0)
    assert waiting.answers.bodies == [b"1", b"2"]


async def test_a_task_that_waits_is_not_sent_once_it_is_gone(waiting: Waiting) -> None:
    _, second, _ = await waiting.begin(b"1", b"2", b"3")
    waiting.world.call("DeleteTask", messages.DeleteTaskRequest(name=second))
    waiting.answers.answer(5)
    await waiting.answers.received(2)
    assert waiting.answers.bodies == [b"1", b"3"]


async def test_what_waits_is_not_sent_once_its_queue_is_purged(waiting: Waiting) -> None:
    await waiting.begin(b"1", b"2", b"3")
    waiting.world.call("PurgeQueue", messages.PurgeQueueRequest(name=waiting.queue))
    waiting.task(b"new")
    waiting.answers.answer(5)
    await waiting.answers.received(2)
    assert waiting.answers.bodies == [b"1", b"new"]


async def test_what_run_task_asked_for_is_sent_though_its_queue_was_paused_meanwhile(waiting: Waiting) -> None:
    # CT-146
    paused = waiting.world.queue("paused")
    waiting.world.call("PauseQueue", messages.PauseQueueRequest(name=paused))
    await waiting.begin(b"1")
    forced = waiting.task(b"forced", paused)
    waiting.world.call("RunTask", messages.RunTaskRequest(name=forced))
    waiting.answers.answer(5)
    await waiting.answers.received(2)
    assert waiting.answers.bodies == [b"1", b"forced"]


async def test_an_attempt_that_is_not_wanted_gives_its_place_to_the_next(worker: Workers) -> None:
    answers = OneByOne()
    url = (await worker(answers.script)).url
    target = HttpTarget(limits=PoolLimits(connections=1))
    attempts = [
        asyncio.create_task(target.send(outgoing(url, body=body), lambda _: None, partial(ne, body, b"1")))
        for body in (b"0", b"1", b"2")
    ]
    await answers.received(1)
    answers.answer(5)
    ended = await asyncio.wait_for(asyncio.gather(*attempts, return_exceptions=True), 20)
    await target.close()
    assert [type(one) for one in ended] == [type(None), NotWanted, type(None)]
    assert answers.bodies == [b"0", b"2"]
