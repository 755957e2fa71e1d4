"""Which of the processes on one database file delivers: the one that has the lock, until it ends."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

from gcptasks.base.clock import Clock
from gcptasks.runtime.leader_lock import LeaderLock
from gcptasks.runtime.loop import Loop, StopLimit

_TRY_AGAIN = timedelta(milliseconds=250)
"""Between two tries to take the lock, so that another process goes on within a second of the leader's end."""
_LEADING = timedelta(days=1)
"""Who leads has nothing to try any more."""


class Leader(Loop):
    """Runs other loops while this process leads; until it does it tries to.

    The lock is kept over a stop: whoever owns it lets it go, once what was written is on disk.
    """

    trouble = "this process cannot stand in for the one that delivers; it tries again"

    def __init__(self, lock: LeaderLock, loops: Sequence[Loop], clock: Clock) -> None:
        super().__init__(clock)
        self._lock = lock
        self._loops = loops
        self.leads = False
        """Whether it is this process that delivers."""

    async def run_once(self) -> datetime:
        """Lead, if that is possible now."""
        if not self.leads and self._lock.take():
            for loop in self._loops:
                await loop.start()
            self.leads = True
        return self._clock.now() + (_LEADING if self.leads else _TRY_AGAIN)

    async def _begin(self) -> None:
        self.leads = False
        try:
            await self.run_once()
            await super()._begin()
        except BaseException:
            await self._stop_loops(timedelta(0))
            raise

    async def _end(self, grace: timedelta) -> None:
        # Stop the loops, stop trying, stop the loops (what is pushed runs from the last to the first). At once, so that
        # nothing more starts from this very turn of the event loop on; and again, as the lead may just have been taken.
        async with AsyncExitStack() as steps:
            steps.push_async_callback(self._stop_loops, grace)
            steps.push_async_callback(super()._end, timedelta(0))
            await self._stop_loops(grace)

    async def _stop_loops(self, grace: timedelta) -> None:
        self.leads = False
        for loop in self._loops:
            loop.begin_no_more()
        limit = StopLimit(grace)
        # Each is stopped, the first one first, though one of them may fail or be cancelled.
        async with AsyncExitStack() as steps:
            for loop in reversed(self._loops):
                steps.push_async_callback(_stop_within, loop, limit)


async def _stop_within(loop: Loop, limit: StopLimit) -> None:
    await loop.stop(limit.left())
