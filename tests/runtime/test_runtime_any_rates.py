"""How many attempts have started by each moment, held against a queue that is told in words."""

import asyncio
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.runtime.targets.target import IsWanted, always
from gcptasks.wire import common
from gcptasks.wire.cloud_tasks import messages
from loops import run
from runtime.runtime_doubles import START, ManualClock, RecordingTarget
from runtime.runtime_world import World, settled

BACKOFF = 700_000
"""Microseconds between an attempt that failed and the next one, however many there were."""
NEAR = 200
"""Microseconds that a start may be off: tokens come to the microsecond, and who starts late hands its place on late."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a task's attempts: how long each takes, in microseconds, and how many fail."""

    takes: int
    failures: int


@dataclass(slots=True)
class Told:
    """The queue in words, by whole microseconds.

    A bucket holds the burst, starts full and fills at the rate; each attempt takes a token, and of attempts at most
    so many are open at once. Attempts that RunTask asks for take neither. The task that is due first starts first.
    """

    rate: float
    most_open: int
    running: bool = True
    now: int = 0
    tokens: Fraction = field(default=Fraction(0))
    open: int = 0
    plans: dict[int, Plan] = field(default_factory=dict[int, Plan])
    """Of the tasks that are there."""
    failed: dict[int, int] = field(default_factory=dict[int, int])
    due: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    ends: list[tuple[int, int, bool]] = field(default_factory=list[tuple[int, int, bool]])
    """When attempts end, of which task, and whether they hold a place."""
    started: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def __post_init__(self) -> None:
        self.tokens = self.burst

    @property
    def burst(self) -> Fraction:
        return Fraction(max(10, int(Fraction(self.rate) / 5)))

    def create(self, task: int, plan: Plan, due: int) -> None:
        self.plans[task], self.failed[task] = plan, 0
        insort(self.due, (due, task))
        self.start_what_may()

    def run(self, task: int) -> None:
        """RunTask."""
        self._begin(task, holds_a_place=False)

    def never_sent_and_fine(self) -> list[int]:
        """Tasks whose first attempt is to come, and succeeds: RunTask leaves the order of others as it was."""
        sent = {task for _, task in self.started}
        return [task for task, plan in self.plans.items() if task not in sent and not plan.failures]

    def drop(self, task: int) -> None:
        self.plans.pop(task, None)
        self.due = [one for one in self.due if one[1] != task]

    def set(self, rate: float, most_open: int) -> None:
        self.rate, self.most_open = rate, most_open
        self.tokens = min(self.tokens, self.burst)
        self.start_what_may()

    def switch(self, running: bool) -> None:
        self.running = running
        self.start_what_may()

    def next_at(self) -> int | None:
        """When something happens next, of itself."""
        times = [at for at, _, _ in self.ends[:1]]
        if self.running and self.due and self.open < self.most_open:
            lacking = max(1 - self.tokens, Fraction(0))
            times.append(max(self.due[0][0], self.now + ceil(lacking / Fraction(self.rate) * 10**6)))
        return min(times, default=None)

    def pass_time(self, until: int) -> None:
        while (at := self.next_at()) is not None and at <= until:
            self._move(at)
            while self.ends and self.ends[0][0] <= self.now:
                self._end(*self.ends.pop(0))
            self.start_what_may()
        self._move(until)

    def start_what_may(self) -> None:
        while (
            self.running and self.due and self.due[0][0] <= self.now and self.tokens >= 1 and self.open < self.most_open
        ):
            _, task = self.due.pop(0)
            if self._under_way(task):
                continue  # RunTask came before; should that fail, it is due anew
            self.tokens -= 1
            self.open += 1
            self._begin(task, holds_a_place=True)

    def _move(self, at: int) -> None:
        self.tokens = min(self.tokens + Fraction(self.rate) * (at - self.now) / 10**6, self.burst)
        self.now = at

    def _under_way(self, task: int) -> bool:
        return any(one == task for _, one, _ in self.ends)

    def _begin(self, task: int, *, holds_a_place: bool) -> None:
        self.started.append((self.now, task))
        insort(self.ends, (self.now + self.plans[task].takes, task, holds_a_place))
        self.pass_time(self.now)

    def _end(self, at: int, task: int, held_a_place: bool) -> None:
        self.open -= held_a_place
        if task not in self.plans:
            return
        self.failed[task] += 1
        if self.failed[task] > self.plans[task].failures:
            self.drop(task)
        else:
            self.due = [one for one in self.due if one[1] != task]
            insort(self.due, (at + BACKOFF, task))


class Timed(RecordingTarget):
    """A worker whose attempts take as long as their tasks say, by the clock that the test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.plans: dict[str, Plan] = {}
        self.started: list[tuple[datetime, str]] = []
        self.ended = 0
        self._failed: dict[str, int] = {}

    async def send(self, request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        task = dict(request.headers)["X-CloudTasks-TaskName"]
        plan = self.plans[task]
        self.started.append((self.clock.now(), task))
        if plan.takes:
            await self.clock.wait(asyncio.Event(), self.clock.now() + timedelta(microseconds=plan.takes))
        failed = self._failed[task] = self._failed.get(task, 0) + 1
        self.ended += 1
        on_reply(Reply(status=500 if failed <= plan.failures else 200))


class Real:
    """The queue as the dispatcher runs it."""

    def __init__(self, told: Told) -> None:
        self.target = Timed()
        self.world = World(None, self.target)
        self.target.clock = self.world.clock
        self.told = told
        self.names: list[str] = []
        backoff = common.Duration(nanos=BACKOFF * 1000)
        self.queue = self.world.queue(
            rate_limits=messages.RateLimits(
                max_dispatches_per_second=told.rate, max_concurrent_dispatches=told.most_open
            ),
            retry_config=messages.RetryConfig(max_attempts=-1, min_backoff=backoff, max_backoff=backoff),
        )

    def create(self, plan: Plan, after: int) -> None:
        made = len(self.names)
        name = f"{self.queue}/tasks/{made}"
        self.target.plans[str(made)] = plan
        self.names.append(self.world.task(self.queue, timedelta(microseconds=after), name=name))

    def set(self, rate: float, most_open: int) -> None:
        limits = messages.RateLimits(max_dispatches_per_second=rate, max_concurrent_dispatches=most_open)
        request = messages.UpdateQueueRequest(queue=messages.Queue(name=self.queue, rate_limits=limits))
        request.update_mask.paths.append("rate_limits")
        self.world.call("UpdateQueue", request)

    async def settle(self) -> None:
        before = -1
        while before != (before := len(self.target.started) + self.target.ended):
            await settled()

    async def pass_time(self, until: int) -> None:
        """Move from one moment at which somebody waits to the next, up to `until`."""
        end = START + timedelta(microseconds=until)
        clock = self.world.clock
        await self.settle()
        while (at := clock.next_at()) is not None and at <= end:
            clock.advance(at - clock.now())
            await self.settle()
        clock.advance(end - clock.now())
        await self.settle()

    def started(self) -> list[tuple[int, int]]:
        return [((at - START) // timedelta(microseconds=1), int(task)) for at, task in self.target.started]


RATES = st.sampled_from([0.2, 0.5, 1.0, 3.0, 7.3, 50.0, 77.0, 333.3, 500.0]) | st.floats(0.1, 500)
OPEN = st.integers(1, 4) | st.just(1000)
PLANS = st.builds(Plan, takes=st.sampled_from([0, 1000, 90_000, 1_500_000, 8_000_000]), failures=st.integers(0, 2))
CREATES = st.tuples(st.just("create"), PLANS, st.integers(1, 15), st.sampled_from([0, 0, 400_000, 12_000_000]))
MOVES = st.lists(
    CREATES
    | st.tuples(st.just("pass"), st.sampled_from([1, 100, 2_000, 30_000]), st.integers(1, 999))
    | st.tuples(st.sampled_from(["pause", "resume", "purge"]))
    | st.tuples(st.sampled_from(["run", "delete"]), st.integers(0, 30))
    | st.tuples(st.just("set"), RATES, OPEN),
    min_size=2,
    max_size=12,
)


async def _follow(told: Told, moves: list[tuple[object, ...]]) -> None:
    real = Real(told)
    await real.world.dispatcher.start()
    try:
        for move in [*moves, ("pass", 20_000, 0)]:
            await _pass_time(real, 1)
            if move[0] in ("pass", "create", "run", "delete"):
                await _with_tasks(real, move)
            else:
                _with_the_queue(real, move)
            await real.settle()
            _compare(real.started(), told.started)
    finally:
        await real.world.dispatcher.stop(timedelta(0))
        real.world.store.close()


async def _with_tasks(real: Real, move: tuple[object, ...]) -> None:
    told = real.told
    match move:
        case ("pass", int(milliseconds), int(microseconds)):
            await _pass_time(real, milliseconds * 1000 + microseconds)
        case ("create", Plan() as plan, int(count), int(after)):
            for _ in range(count):
                real.create(plan, after)
                told.create(len(real.names) - 1, plan, told.now + after)
        case ("run", int(index)) if new := told.never_sent_and_fine():
            task = new[index % len(new)]
            real.world.call("RunTask", messages.RunTaskRequest(name=real.names[task]))
            told.run(task)
        case ("delete", int(index)) if told.plans:
            task = list(told.plans)[index % len(told.plans)]
            real.world.call("DeleteTask", messages.DeleteTaskRequest(name=real.names[task]))
            told.drop(task)
        case _:
            pass


def _with_the_queue(real: Real, move: tuple[object, ...]) -> None:
    told = real.told
    match move:
        case ("set", float(rate), int(most_open)):
            real.set(rate, most_open)
            told.set(rate, most_open)
        case ("pause",):
            real.world.call("PauseQueue", messages.PauseQueueRequest(name=real.queue))
            told.switch(False)
        case ("resume",):
            real.world.call("ResumeQueue", messages.ResumeQueueRequest(name=real.queue))
            told.switch(True)
        case _:
            real.world.call("PurgeQueue", messages.PurgeQueueRequest(name=real.queue))
            for task in list(told.plans):
                told.drop(task)


async def _pass_time(real: Real, span: int) -> None:
    """Let so much time pass, and a little more until nothing is about to happen or has just happened."""
    until = real.told.now + span
    while True:
        real.told.pass_time(until)
        await real.pass_time(until)
        last = real.told.started[-1][0] if real.told.started else -NEAR
        following = real.told.next_at()
        if until - last >= NEAR and (following is None or following - until >= NEAR):
            return
        until += 2 * NEAR


def _compare(real: list[tuple[int, int]], told: list[tuple[int, int]]) -> None:
    assert [task for _, task in real] == [task for _, task in told], (real, told)
    assert all(abs(one - other) < NEAR for (one, _), (other, _) in zip(real, told, strict=True)), (real, told)


@settings(max_examples=50)
@example(
    # What came in the half minute before came at the slow rate.
    rate=0.5,
    most_open=1000,
    moves=[("create", Plan(0, 0), 10, 0), ("pass", 30_000, 0), ("set", 500.0, 1000), ("create", Plan(0, 0), 15, 0)],
)
@given(rate=RATES, most_open=OPEN, moves=MOVES)
def test_as_many_attempts_have_started_by_each_moment_as_the_queue_allows(
    rate: float, most_open: int, moves: list[tuple[object, ...]]
) -> None:
    """CT-212 to CT-217: whatever its tasks and its settings, and whatever is done to it meanwhile."""
    run(_follow(Told(rate, most_open), moves))
