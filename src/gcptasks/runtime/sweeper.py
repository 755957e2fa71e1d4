"""Drops what is too old: tasks past their retention, and names whose block has ended."""

import asyncio
import logging
from datetime import datetime, timedelta

from gcptasks.base.clock import Clock
from gcptasks.service.upkeep import sweep
from gcptasks.store.store import Store

_log = logging.getLogger("gcptasks")

_EVERY = timedelta(minutes=1)


class Sweeper:
    """Sweeps a store now and then, from `start` to `stop`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
            self._running = None

    async def run_once(self) -> datetime:
        """Sweep a little, and say when to go on."""
        more = await self._store.write_unsynced(sweep, self._clock.now())
        return self._clock.now() + (timedelta(0) if more else _EVERY)

    async def _run(self) -> None:
        never = asyncio.Event()
        while True:
            try:
                until = await self.run_once()
            except Exception:  # such as StoreError; nobody else sees to it that this goes on
                _log.exception("what is too old cannot be dropped; it is tried again")
                until = self._clock.now() + _EVERY
            while self._clock.now() < until:
                await self._clock.wait(never, until)
