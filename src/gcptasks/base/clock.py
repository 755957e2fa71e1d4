"""What time it is, and waiting for a time."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits for it. Tests bring one that they move."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    async def wait(self, wake: asyncio.Event, until: datetime) -> None:
        """Return once `wake` is set, or at about `until`, whichever is first; `wake` is unset then."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def wait(self, wake: asyncio.Event, until: datetime) -> None:
        # A wall clock may be set back or forward while we wait, so whoever waits looks at it each second.
        left = min((until - self.now()).total_seconds(), 1.0)
        if left > 0:
            timer = asyncio.get_running_loop().call_later(left, wake.set)
            try:
                await wake.wait()
            finally:
                timer.cancel()
        else:
            await asyncio.sleep(0)
        wake.clear()
