"""Drops what is too old: tasks past their retention, and names whose block has ended.

Of that only what was too old at a look a minute before as well. A clock may be wrong for a moment, as when a machine
wakes up, and what was dropped in that moment would be lost.
"""

from datetime import datetime, timedelta

from gcptasks.base.clock import Clock
from gcptasks.runtime.loop import Loop
from gcptasks.service.upkeep import sweep
from gcptasks.store.store import Store

_APART = 60.0
"""Seconds between two looks that agree on what is too old, however the clock was set meanwhile."""
_EVERY = timedelta(seconds=_APART + 1)
_BETWEEN = timedelta(milliseconds=10)
"""While there is more to drop. In between, others have the event loop and the database."""


class Sweeper(Loop):
    """Sweeps a store once a minute."""

    trouble = "what is too old cannot be dropped; it is tried again"
    after_trouble = _EVERY

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(clock)
        self._store = store
        self._look: tuple[datetime, float] | None = None
        self._before: datetime | None = None

    async def run_once(self) -> datetime:
        """Sweep a little, and say when to go on."""
        now = self._clock.now()
        self._note_look(now)
        more = await self._store.write_unsynced(sweep, now, None if self._before is None else min(self._before, now))
        return self._clock.now() + (_BETWEEN if more else _EVERY)

    def _note_look(self, now: datetime) -> None:
        """Have in `_before` what the clock said at the look before this one."""
        passed = self._clock.passed()
        if self._look is None:
            self._look = now, passed
        elif passed - self._look[1] >= _APART:
            self._before, self._look = self._look[0], (now, passed)
