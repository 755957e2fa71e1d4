"""When a task is sent again and when it is given up, held against the rules as they are told in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gcptasks.base.errors import NotFound
from gcptasks.base.events import AttemptFailed, AttemptSucceeded
from gcptasks.engine.model import Reply
from gcptasks.wire import common
from gcptasks.wire.cloud_tasks import messages
from loops import run
from runtime.runtime_world import World, settled

A_MOMENT = timedelta(microseconds=1)
LONGEST = timedelta(days=31)
SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Config:
    """A retry config as its caller sent it, spans in nanoseconds; what is 0 was left out."""

    attempts: int = 0
    duration: int = 0
    low: int = 0
    high: int = 0
    doublings: int = 0

    @property
    def message(self) -> Any:
        return messages.RetryConfig(
            max_attempts=self.attempts,
            max_retry_duration=_duration(self.duration),
            min_backoff=_duration(self.low),
            max_backoff=_duration(self.high),
            max_doublings=self.doublings,
        )

    def delays(self) -> Iterator[int]:
        """Doubled for so many times, then one step more each time, and never above the greatest (CT-199 to CT-201)."""
        low, high = self.low or SECOND // 10, self.high or 3600 * SECOND
        delay = low
        for _ in range(self.doublings or 16):
            yield min(delay, high)
            delay = min(delay * 2, high * 2)
        step = delay
        while True:
            yield min(delay, high)
            delay = min(delay + step, high)

    def gives_up(self, failed: int, since_the_first: timedelta) -> bool:
        """Once each limit that is set is reached (CT-202 to CT-207). Without a duration, there are 100 attempts."""
        attempts = self.attempts or 100
        reached: list[bool] = []
        if attempts > 0:
            reached.append(failed >= attempts)
        if self.duration:
            reached.append(since_the_first >= timedelta(seconds=self.duration // SECOND))
        return reached != [] and all(reached)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ends: after how long, with which status, and how long the worker asks to be left alone."""

    after: timedelta
    status: int
    asks: timedelta | None = None

    def wait(self, delay: int) -> timedelta:
        """The whole microseconds of `delay`, or what the worker asks for if that is longer (CT-L7); 31 days at most."""
        wait = min(timedelta(microseconds=-(-delay // 1000)), LONGEST)
        if self.asks is not None and self.status in (429, 503):
            wait = max(wait, self.asks)
        return min(wait, LONGEST)


def _duration(ns: int) -> Any:
    return common.Duration(seconds=ns // SECOND, nanos=ns % SECOND)


def _config(attempts: int, seconds: int, spans: list[int], doublings: int) -> Config:
    return Config(attempts, seconds * SECOND, min(spans, default=0), max(spans, default=0), doublings)


SPANS = st.integers(1, 5 * SECOND) | st.integers(1, 10_000 * SECOND)
CONFIGS = st.builds(
    _config,
    attempts=st.sampled_from([-1, 0, 1, 2, 3, 5]),
    seconds=st.sampled_from([0, 1, 3, 60]),
    spans=st.lists(SPANS, min_size=2, max_size=2) | st.builds(list[int]),
    doublings=st.integers(0, 20),
)
ENDINGS = st.lists(
    st.builds(
        Ending,
        after=st.timedeltas(timedelta(0), timedelta(seconds=5)),
        status=st.sampled_from([0, 200, 301, 400, 404, 429, 429, 500, 503, 503, 504]),
        asks=st.none() | st.timedeltas(timedelta(0), timedelta(days=40)),
    ),
    min_size=1,
    max_size=8,
)


class Followed:
    """One task, and the worker that ends its attempts when the test says so."""

    def __init__(self, of_queue: Config, of_task: Config | None) -> None:
        self.world = World(None)
        self.world.target.gate.clear()
        queue = self.world.queue(retry_config=of_queue.message)
        self.config = of_task or of_queue
        own = {} if of_task is None else {"retry_config": of_task.message}
        self.task = self.world.task(queue, **own)
        self.first_sent = self.now

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    async def pass_time(self, span: timedelta) -> None:
        self.world.clock.advance(span)
        await settled()

    async def end(self, ending: Ending) -> None:
        """End the attempt that is under way."""
        await self.pass_time(ending.after)
        self.world.target.answer = lambda request: Reply(status=ending.status, retry_after=ending.asks)
        self.world.target.gate.set()
        await self.world.until(lambda: self.world.target.open == 0)
        self.world.target.gate.clear()
        await settled()

    def is_gone(self) -> bool:
        try:
            self.world.get(self.task)
        except NotFound:
            return True
        return False

    async def is_sent_at(self, due: datetime, number: int) -> None:
        """See that attempt of that number begin then, and not a moment before."""
        shown = self.world.get(self.task)
        assert shown.schedule_time.ToDatetime(due.tzinfo) == due
        if due > self.now:
            await self.pass_time(due - self.now - A_MOMENT)
            assert len(self.world.target.sent) == number - 1
            await self.pass_time(A_MOMENT)
        await self.world.target.received(number)
        assert len(self.world.target.sent) == number


async def _follow(of_queue: Config, of_task: Config | None, endings: list[Ending]) -> None:
    followed = Followed(of_queue, of_task)
    world, delays = followed.world, followed.config.delays()
    await world.dispatcher.start()
    try:
        await world.target.received(1)
        for number, (ending, delay) in enumerate(zip(endings, delays, strict=False), 1):
            await followed.end(ending)
            if ending.status == 200:
                assert len(world.of(AttemptSucceeded)) == 1
                assert followed.is_gone()
                return
            failed = world.of(AttemptFailed)[-1]
            assert (failed.attempt, failed.status, failed.at) == (number, ending.status, followed.now)
            if followed.config.gives_up(number, followed.now - followed.first_sent):
                assert failed.next_at is None
                assert followed.is_gone()
                await followed.pass_time(LONGEST)
                assert len(world.target.sent) == number
                return
            due = followed.now + ending.wait(delay)
            assert failed.next_at == due
            await followed.is_sent_at(due, number + 1)
    finally:
        world.target.gate.set()
        await world.dispatcher.stop(timedelta(0))
        world.store.close()


@example(of_queue=Config(2, 3 * SECOND, 2 * SECOND, 2 * SECOND), of_task=None, endings=[Ending(A_MOMENT, 500)] * 3)
@example(of_queue=Config(-1, 0, SECOND, 7 * SECOND, 1), of_task=None, endings=[Ending(A_MOMENT, 500)] * 6)
@example(of_queue=Config(1), of_task=Config(), endings=[Ending(A_MOMENT, 404)] * 8)
@given(of_queue=CONFIGS, of_task=st.none() | CONFIGS, endings=ENDINGS)
def test_a_task_is_sent_again_when_the_rules_say_so(
    of_queue: Config, of_task: Config | None, endings: list[Ending]
) -> None:
    """CT-188, CT-199 to CT-211, CT-L7: to the microsecond, from the end of the attempt that failed."""
    run(_follow(of_queue, of_task, endings))


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        (Config(low=SECOND, high=7 * SECOND, doublings=1), [1, 2, 4, 6, 7, 7]),
        (Config(low=10 * SECOND, high=300 * SECOND, doublings=3), [10, 20, 40, 80, 160, 240, 300, 300]),
    ],
)
def test_the_rules_in_words_say_what_was_measured(config: Config, seconds: list[int]) -> None:
    """CT-199, CT-200."""
    assert list(islice(config.delays(), len(seconds))) == [one * SECOND for one in seconds]
