"""What time it is for those who make tasks: the machine's, unless a test kit moves it."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from gcptasks.base.epoch import EPOCH


def _machine_ns() -> int:
    # Asked anew each time: freezegun puts its own in the place of each name of `time.time_ns`, in this module as well,
    # and would so take away the clock of a test kit.
    return time.time_ns()


now_ns: Callable[[], int] = _machine_ns
"""Nanoseconds since 1970. To be called as `wall_clock.now_ns()`, since a test kit puts its own in this place."""


def _as_given(at: datetime) -> datetime:
    return at


as_due: Callable[[datetime], datetime] = _as_given
"""When a task is due that is to be due at that time, an aware one, which the caller gave. To be called likewise."""


def now() -> datetime:
    """The same as an aware datetime, in UTC."""
    return EPOCH + timedelta(microseconds=now_ns() // 1000)
