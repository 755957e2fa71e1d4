"""What time it is for those who make tasks: the machine's, unless a test kit moves it."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from gcptasks.base.epoch import EPOCH

now_ns: Callable[[], int] = time.time_ns
"""Nanoseconds since 1970. To be called as `wall_clock.now_ns()`, since a test kit puts its own in this place."""


def now() -> datetime:
    """The same as an aware datetime, in UTC."""
    return EPOCH + timedelta(microseconds=now_ns() // 1000)
