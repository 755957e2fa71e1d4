"""A clock that stands still until it is moved."""

import asyncio
from datetime import UTC, datetime, timedelta

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
"""The earliest time that it may be."""
LAST = datetime(8999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""The latest: what is counted from it, such as when a job runs next, must come before the calendar's end."""


class ManualClock:
    """Tells the time that it was moved to last. Use it on one event loop; `now` and `passed` may be asked anywhere."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._passed = 0.0
        self._waiting: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    def passed(self) -> float:
        return self._passed

    async def wait(self, wake: asyncio.Event, until: datetime) -> None:
        """As `Clock.wait`; but returns as well when the machine's time has gone on so far.

        So what looks again and again for what tells nobody, such as another process's end, goes on doing so.
        """
        left = (until - self._now).total_seconds()
        if wake.is_set() or left <= 0:
            await asyncio.sleep(0)
        else:
            await self._sleep(wake, until, left)
        wake.clear()

    def advance(self, span: timedelta) -> None:
        """Let so much time pass, and wake whoever waited for it. `OverflowError` after `LAST`."""
        if span < timedelta(0):
            raise ValueError("a clock does not go back")
        if span > LAST - self._now:
            raise OverflowError("the clock ends before")
        self._now += span
        self._passed += span.total_seconds()
        for until, wake in self._waiting:
            if until <= self._now:
                wake.set()

    async def _sleep(self, wake: asyncio.Event, until: datetime, seconds: float) -> None:
        entry = until, wake
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.remove(entry)
