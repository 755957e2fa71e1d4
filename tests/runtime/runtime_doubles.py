"""A clock that the test moves, targets that do as they are told, and calls of the store that fail."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.runtime.targets.target import IsWanted, NotSent, NotWanted, always

START = datetime(2030, 1, 1, tzinfo=UTC)


class ManualClock:
    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._passed = 0.0
        self._waiting: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    def passed(self) -> float:
        return self._passed

    async def wait(self, wake: asyncio.Event, until: datetime) -> None:
        if self._now < until:
            self._waiting.append((until, wake))
            await wake.wait()
        else:
            await asyncio.sleep(0)
        wake.clear()

    def next_at(self) -> datetime | None:
        """Up to when somebody waits; None if nobody does."""
        return min((until for until, _ in self._waiting), default=None)

    def advance(self, span: timedelta) -> None:
        """Let so much time pass, and wake whoever waited for it."""
        self._passed += span.total_seconds()
        self.set(span)

    def set(self, span: timedelta) -> None:
        """Set the clock forward, or back, which wakes everybody who waits."""
        self._now += span
        back = span < timedelta(0)
        for until, wake in self._waiting:
            if back or until <= self._now:
                wake.set()
        self._waiting = [] if back else [(until, wake) for until, wake in self._waiting if until > self._now]


class RecordingTarget:
    """Answers each attempt with `answer`, once `gate` is open."""

    def __init__(self, answer: Callable[[Outgoing], Reply] = lambda request: Reply(status=200)) -> None:
        self.sent: list[Outgoing] = []
        self.answer: Callable[[Outgoing], Reply] = answer
        self.gate = asyncio.Event()
        self.gate.set()
        self.open = 0
        self.most_open = 0
        self._arrived = asyncio.Event()

    async def send(self, request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        self.sent.append(request)
        self._arrived.set()
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self.gate.wait()
        finally:
            self.open -= 1
        on_reply(self.answer(request))

    async def close(self) -> None:
        pass

    async def received(self, count: int) -> None:
        """Return once so many attempts have arrived."""
        while len(self.sent) < count:
            self._arrived.clear()
            await self._arrived.wait()

    def headers(self, index: int) -> dict[str, str]:
        return dict(self.sent[index].headers)


class BusyTarget(RecordingTarget):
    """Has a place for an attempt once `gate` is open."""

    async def send(self, request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        self.open += 1
        await self.gate.wait()
        self.open -= 1
        if not wanted():
            raise NotWanted
        self.sent.append(request)
        on_reply(self.answer(request))


class FullTarget(RecordingTarget):
    """Has no place for an attempt until it is cancelled."""

    async def send(self, request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        self.open += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise NotSent from None


def calls(verb: object) -> Callable[..., bool]:
    """Whether a call of the store is one of that verb."""

    def is_one(called: object, *rest: object) -> bool:
        return getattr(called, "func", called) is verb  # what is passed on may be a partial

    return is_one


def failing(plain: Callable[..., Any], when: Callable[..., bool], *errors: Exception) -> Callable[..., Any]:
    """`plain`, but calls of which `when` is true raise these errors first, one a call."""
    left = list(errors)

    def call(*args: Any, **named: Any) -> Any:
        if left and when(*args):
            raise left.pop(0)
        return plain(*args, **named)

    return call
