"""What time it is, and waiting for a time."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits for it. Tests bring one that they move."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    async def sleep_until(self, when: datetime) -> None:
        """Return once `now()` is `when` or later; at once if it is already."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, when: datetime) -> None:
        # A wall clock may be set back or forward while we sleep, so look again each second.
        while (left := (when - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, 1.0))
