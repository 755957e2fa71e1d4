"""A service that runs jobs on a file, by a clock of the test: `python -m crash.crash_scheduler DATABASE ZERO SPEED`.

It prints what happens, an event a line, until it is killed.
"""

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from time import monotonic

from gcptasks.base.events import Event
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.server.settings import Settings

START = datetime(2030, 1, 1, tzinfo=UTC)


class FastClock:
    """Goes faster than time: the same for all processes of the machine that are given its zero (monotonic)."""

    def __init__(self, zero: float, speed: float) -> None:
        self._zero = zero
        self._speed = speed

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed())

    def passed(self) -> float:
        return (monotonic() - self._zero) * self._speed

    async def wait(self, wake: asyncio.Event, until: datetime) -> None:
        left = (until - self.now()).total_seconds() / self._speed
        try:
            async with asyncio.timeout(max(left, 0)):
                await wake.wait()
        except TimeoutError:
            pass
        wake.clear()


def show(event: Event) -> None:
    """In one piece and at once, so that what was said is known, however the process ends."""
    said = {name: str(value) for name, value in asdict(event).items() if value is not None}
    said |= {"kind": type(event).__name__, "name": str(getattr(event, "job", ""))}
    print(json.dumps(said) + "\n", end="", flush=True)


async def main(database: str, clock: FastClock) -> None:
    backend = Backend(Settings(database=database), Targets, clock=clock)
    backend.events.subscribe(show)
    await backend.start()
    print("{}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], FastClock(float(sys.argv[2]), float(sys.argv[3]))))
