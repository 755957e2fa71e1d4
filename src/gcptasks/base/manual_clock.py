"""A clock that stands still until it is moved."""

import asyncio
from datetime import datetime, timedelta


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
        """Let so much time pass, and wake whoever waited for it. `OverflowError` after year 9999."""
        if span < timedelta(0):
            raise ValueError("a clock does not go back")
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
