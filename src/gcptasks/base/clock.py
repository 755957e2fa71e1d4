"""What time it is, and waiting for a time."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

_RESOLUTION = 1e-6
"""Seconds: what datetimes tell apart. An event loop's time is finer, and may never seem to come whole."""


class Clock(Protocol):
    """Tells the time and waits for it. Tests bring one that they move."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    def passed(self) -> float:
        """Seconds since some moment: they pass alike whoever sets the time."""
        ...

    async def wait(self, wake: asyncio.Event, until: datetime) -> None:
        """Return when `wake` is set or that time has come, whichever is first. Either way `wake` is clear then."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def passed(self) -> float:
        return time.monotonic()

    async def wait(self, wake: asyncio.Event, until: datetime) -> None:
        loop = asyncio.get_running_loop()
        left = (until - self.now()).total_seconds()
        if wake.is_set() or left < _RESOLUTION:
            await asyncio.sleep(0)
        # A wall clock may be set forward while we wait, so it is looked at each second; or back, which makes no wait
        # longer than it was to be.
        end = loop.time() + left
        while not wake.is_set() and left >= _RESOLUTION:
            try:
                async with asyncio.timeout(min(left, 1.0)):
                    await wake.wait()
            except TimeoutError:
                pass
            left = min(end - loop.time(), (until - self.now()).total_seconds())
        wake.clear()
