"""Drops what is too old: tasks past their retention, and names whose block has ended."""

from datetime import datetime, timedelta

from gcptasks.base.clock import Clock
from gcptasks.runtime.loop import Loop
from gcptasks.service.upkeep import sweep
from gcptasks.store.store import Store

_EVERY = timedelta(minutes=1)
_BETWEEN = timedelta(milliseconds=10)
"""While there is more to drop. In between, others have the event loop and the database."""


class Sweeper(Loop):
    """Sweeps a store once a minute."""

    trouble = "what is too old cannot be dropped; it is tried again"
    after_trouble = _EVERY

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(clock)
        self._store = store

    async def run_once(self) -> datetime:
        """Sweep a little, and say when to go on."""
        more = await self._store.write_unsynced(sweep, self._clock.now())
        return self._clock.now() + (_BETWEEN if more else _EVERY)
