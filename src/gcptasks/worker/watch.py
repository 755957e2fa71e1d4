"""Keeps records fresh while attempts run, and hears which of them are cancelled.

One read a second asks for all attempts of this process, and one write each `BEAT_EVERY` speaks for all. An attempt
that is over in less than half a second is none of them, so short tasks cost nothing.
"""

import asyncio
import logging
from contextvars import Context
from typing import Protocol

from gcptasks.engine.task_records import BEAT_EVERY, TaskStatus
from gcptasks.results.guarded import AsyncQuietStore
from gcptasks.results.store import Attempt

_log = logging.getLogger("gcptasks")

LOOK_EVERY = 1.0
_YOUNG = 0.5


class Running(Protocol):
    """An attempt that runs in this process."""

    @property
    def attempt(self) -> Attempt: ...

    @property
    def task_name(self) -> str:
        """The full one of its task."""
        ...

    @property
    def began(self) -> float:
        """By the clock of the event loop."""
        ...

    def cancel(self) -> None:
        """Somebody cancelled its task."""
        ...


class Watch:
    """Watches the attempts that run on one event loop for the records of one store."""

    def __init__(self, store: AsyncQuietStore) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._running: set[Running] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._look: asyncio.Task[None] | None = None
        self._beats_at = 0.0

    def add(self, one: Running) -> None:
        """Watch this attempt until it is removed, or is cancelled."""
        self._running.add(one)
        if self._timer is None and (self._look is None or self._look.done()):
            self._look_in(LOOK_EVERY)

    def remove(self, one: Running) -> None:
        """Let this attempt be; nothing cancels it from now on."""
        self._running.discard(one)

    async def run_once(self) -> None:
        """Ask for the attempts that have run for a while, and speak for them if that is due."""
        now = self._loop.time()
        older = [one for one in self._running if now - one.began >= _YOUNG]
        if not older:
            return
        for id in {attempt.id for attempt in await self._store.cancelled([one.attempt for one in older])}:
            await self._ask_for(id)
        if now >= self._beats_at:
            self._beats_at = now + BEAT_EVERY.total_seconds()
            await self._store.hear([one.attempt for one in older if one in self._running])

    async def _ask_for(self, id: str) -> None:
        # A record that is not there is no reason to stop: a store may have lost it.
        record = await self._store.get(id)
        if record is None:
            return
        for one in [one for one in self._running if one.attempt.id == id]:
            cancelled = record.status is TaskStatus.CANCELLED and record.task_name == one.task_name
            if cancelled or record.run > one.attempt.run:
                self.remove(one)
                one.cancel()

    def _look_in(self, seconds: float) -> None:
        # In no context of anybody: this serves all attempts.
        self._timer = self._loop.call_later(seconds, self._begin_to_look, context=Context())

    def _begin_to_look(self) -> None:
        self._timer = None
        if self._running:
            self._look = self._loop.create_task(self._look_and_go_on())

    async def _look_and_go_on(self) -> None:
        ends = self._loop.time() + LOOK_EVERY
        try:
            await self.run_once()
        except Exception:  # of a store that answers with what it should not
            _log.exception("looking after recorded attempts failed; it is tried again")
        if self._running:
            self._look_in(max(ends - self._loop.time(), 0.0))
