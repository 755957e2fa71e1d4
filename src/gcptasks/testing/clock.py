"""The clock of a test: it stands still until the test moves it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from gcptasks.base import wall_clock
from gcptasks.base.epoch import EPOCH
from gcptasks.base.manual_clock import ManualClock

_MICROSECOND = timedelta(microseconds=1)


def in_utc(at: object) -> datetime:
    """The time that a test gave, which is UTC where it does not say; `TypeError` for what is none."""
    if not isinstance(at, datetime):
        raise TypeError(f"a time must be a datetime, not {at!r}")
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def end_of_advance(now: datetime, span: timedelta, to: datetime | None) -> datetime:
    """Up to when `advance` lets time pass from now on: by a span, or to a time; `TypeError` for both."""
    if to is not None and span:
        raise TypeError("advance(to=…) says it all: give it no span as well")
    return now + span if to is None else in_utc(to)


class MovesTime(Protocol):
    """What sets the time that code under test sees: the fixtures `time_machine` and `freezer`, for example."""

    def move_to(self, when: datetime, /) -> object: ...


class TestClock(ManualClock):
    """The time of a service and of those who make tasks for it."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__(wall_clock.now())
        self._own: Callable[[], int] = wall_clock.now_ns
        self._own_due = wall_clock.as_due
        self._led: list[MovesTime] = []

    def begin(self) -> None:
        """Be the clock of all who make tasks in this process, until `end`."""
        self._own = wall_clock.now_ns
        wall_clock.now_ns, wall_clock.as_due = self._now_ns, self._as_due

    def end(self) -> None:
        """Give them their own back."""
        wall_clock.now_ns, wall_clock.as_due = self._own, self._own_due

    def lead(self, other: MovesTime) -> None:
        """Set that time as well: now, and whenever this clock is moved."""
        self._led.append(other)
        other.move_to(self.now())

    def move_to(self, at: datetime) -> None:
        """Be at that time, which may lie in the past; `OverflowError` for one that no clock can show."""
        if at > self.now():
            self.advance(at - self.now())
        else:
            self._now = at
        for other in self._led:
            other.move_to(at)

    def _now_ns(self) -> int:
        return (self.now() - EPOCH) // _MICROSECOND * 1000

    def _as_due(self, at: datetime) -> datetime:
        """What is due now by the time that the caller sees is due by this clock.

        Its own time goes on while this clock stands still, so what it calls now lies a moment ahead.
        """
        own = EPOCH + timedelta(microseconds=self._own() // 1000)
        return min(at, self.now()) if at <= own else at
