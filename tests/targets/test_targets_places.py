"""How many connections a worker may have, who waits, and that waiting costs an attempt nothing."""

import asyncio
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.runtime.targets.address import Origin
from gcptasks.runtime.targets.http import HttpTarget
from gcptasks.runtime.targets.places import Places
from gcptasks.runtime.targets.pool import PoolLimits
from gcptasks.runtime.targets.router import Targets
from gcptasks.runtime.targets.target import HopReply
from targets.targets_workers import NO_CONTENT, Workers, answer_of, answering, outgoing, read_request


class Hanging:
    """Answers nothing until it is let."""

    def __init__(self, answer: bytes = NO_CONTENT) -> None:
        self.answer = answer
        self.asked = 0
        self.open = self.most_open = 0
        self.gate = asyncio.Event()
        self.arrived = asyncio.Semaphore(0)

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        while True:
            await read_request(reader)
            self.asked += 1
            self.open += 1
            self.most_open = max(self.open, self.most_open)
            self.arrived.release()
            await self.gate.wait()
            self.open -= 1
            writer.write(self.answer)

    async def received(self, count: int) -> None:
        for _ in range(count):
            await self.arrived.acquire()


def redirect_to(url: str) -> bytes:
    return b"HTTP/1.1 307 X\r\nLocation: %b/\r\nContent-Length: 0\r\n\r\n" % url.encode()


def attempts(target: HttpTarget | Targets, url: str, count: int) -> "list[asyncio.Task[HopReply]]":
    return [asyncio.create_task(answer_of(target, outgoing(url))) for _ in range(count)]


async def test_a_worker_that_hangs_leaves_connections_to_others(
    worker: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    target = HttpTarget(limits=PoolLimits(connections=8))
    hanging = Hanging()
    url = (await worker(hanging)).url
    sent = attempts(target, url, 50)
    await hanging.received(4)
    assert caplog.messages == [f"attempts wait for a connection to {url}: it has 4, and all workers together 4 of 8"]
    healthy = await worker(answering(NO_CONTENT))
    replies = await asyncio.gather(*attempts(target, healthy.url, 20))
    assert [reply.status for reply in replies] == [204] * 20
    assert hanging.asked == 4
    hanging.gate.set()
    assert [(await attempt).status for attempt in sent] == [204] * 50
    assert hanging.most_open == 4
    assert len(caplog.messages) == 2, "one line for each of the workers"
    await target.close()


async def test_where_many_workers_hang_one_more_has_a_place(worker: Workers) -> None:
    target = HttpTarget(limits=PoolLimits(connections=100))
    workers = [Hanging() for _ in range(15)]
    sent: list[asyncio.Task[HopReply]] = []
    for hanging in workers:
        sent += attempts(target, (await worker(hanging)).url, 50)
        await hanging.received(1)
    healthy = await worker(answering(NO_CONTENT))
    assert (await answer_of(target, outgoing(healthy.url))).status == 204
    for hanging in workers:
        hanging.gate.set()
    assert [(await attempt).status for attempt in sent] == [204] * 750
    await target.close()


async def test_the_deadline_begins_when_there_is_a_connection(worker: Workers) -> None:
    """Four in a row on one connection, each of which uses up its own deadline."""
    target = HttpTarget(limits=PoolLimits(connections=1))
    hanging = Hanging()
    url = (await worker(hanging)).url
    replies = await asyncio.gather(*(answer_of(target, outgoing(url, deadline=0.1)) for _ in range(4)))
    assert [(reply.status, reply.reason) for reply in replies] == [(504, "no answer within 0.1 s")] * 4
    assert hanging.asked == 4
    await target.close()


async def test_a_redirected_attempt_has_its_deadline_from_its_first_connection_on(worker: Workers) -> None:
    targets = Targets(http=HttpTarget(limits=PoolLimits(connections=1)))
    end = await worker(answering(NO_CONTENT))
    hanging = Hanging(redirect_to(end.url))
    url = (await worker(hanging)).url
    [first] = attempts(targets, url, 1)
    await hanging.received(1)
    second = asyncio.create_task(answer_of(targets, outgoing(url, deadline=0.2)))
    await asyncio.wait([second], timeout=0.4)
    hanging.gate.set()
    assert [reply.status for reply in await asyncio.gather(first, second)] == [204, 204]
    await targets.close()


async def test_an_attempt_that_waits_to_be_sent_on_has_its_deadline_afterwards(worker: Workers) -> None:
    targets = Targets(http=HttpTarget(limits=PoolLimits(connections=2)))
    hanging = Hanging()
    end = await worker(hanging)
    front = await worker(answering(redirect_to(end.url)))
    [first] = attempts(targets, end.url, 1)
    await hanging.received(1)
    second = asyncio.create_task(answer_of(targets, outgoing(front.url, deadline=0.2)))
    await asyncio.wait([second], timeout=0.4)
    assert front.connections == 1
    hanging.gate.set()
    assert [reply.status for reply in await asyncio.gather(first, second)] == [204, 204]
    await targets.close()


async def test_an_attempt_that_is_cancelled_while_it_waits_leaves_the_turn_to_the_next(worker: Workers) -> None:
    target = HttpTarget(limits=PoolLimits(connections=1))
    hanging = Hanging()
    first, second, third = attempts(target, (await worker(hanging)).url, 3)
    await hanging.received(1)
    second.cancel()
    hanging.gate.set()
    assert [reply.status for reply in await asyncio.gather(first, third)] == [204, 204]
    with pytest.raises(asyncio.CancelledError):
        await second
    assert hanging.asked == 2
    await target.close()


async def test_a_connection_that_is_kept_makes_room_for_another_worker(worker: Workers) -> None:
    target = HttpTarget(limits=PoolLimits(connections=4))
    hanging = [Hanging() for _ in range(4)]
    urls = [(await worker(script)).url for script in hanging]
    for url, script in zip(urls, hanging, strict=True):
        sent = attempts(target, url, 2)
        await script.received(2)
        script.gate.set()
        await asyncio.gather(*sent)
    # Eight were opened, and four of them are left.
    assert len(target._pool._open) == 4
    await target.close()


class Queueing:
    """Those who take places, and those who wait for one."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.places = Places(most)
        self.waiting: dict[asyncio.Task[None], Origin] = {}
        self.taken: Counter[Origin] = Counter()

    def take(self, origin: Origin) -> None:
        self.waiting[asyncio.create_task(self.places.take(origin))] = origin

    def give_back(self, origin: Origin) -> None:
        if self.taken[origin]:
            self.taken[origin] -= 1
            self.places.give_back(origin)

    def give_up(self, origin: Origin) -> None:
        """Whoever has waited longest there, and may be given the place in this very turn of the loop."""
        for task in [task for task, whose in self.waiting.items() if whose == origin][:1]:
            task.cancel()

    async def settle(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        for task in [task for task in self.waiting if task.done()]:
            self.taken[self.waiting.pop(task)] += not task.cancelled()

    def check(self) -> None:
        free = self.places.free
        assert free == self.most - self.taken.total() >= 0
        assert all(self.taken[origin] * self.most >= free * free for origin in self.waiting.values())


_steps = st.sampled_from(
    [(Queueing.take,), (Queueing.give_back,), (Queueing.give_up,), (Queueing.give_back, Queueing.give_up)]
)


@given(st.integers(1, 12), st.lists(st.tuples(_steps, st.integers(0, 3)), max_size=60))
async def test_nobody_waits_who_may_have_a_place(
    most: int, steps: list[tuple[tuple[Callable[[Queueing, Origin], None], ...], int]]
) -> None:
    queueing = Queueing(most)
    for step, port in steps:
        for act in step:
            act(queueing, Origin("http", "worker", port))
        await queueing.settle()
        queueing.check()
    for task in queueing.waiting:
        task.cancel()
    await queueing.settle()
    for origin in list(queueing.taken.elements()):
        queueing.give_back(origin)
    assert queueing.places.free == most
