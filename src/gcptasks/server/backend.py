"""The local service without a front: a store, the calls on it, and, once started, whoever delivers from it."""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import timedelta

from gcptasks.base.clock import Clock, SystemClock
from gcptasks.base.errors import StoreError
from gcptasks.base.events import Events
from gcptasks.observe.log import log
from gcptasks.runtime.dispatcher import Dispatcher
from gcptasks.runtime.leader_lock import LeaderLock
from gcptasks.runtime.sweeper import Sweeper
from gcptasks.runtime.targets.target import Target
from gcptasks.server.settings import Settings
from gcptasks.service.calls import Calls
from gcptasks.store.store import Store

_log = logging.getLogger("gcptasks")

_TRY_AGAIN = 0.25
"""Seconds between two tries to take the lead, so that another process goes on within a second of the leader's end."""


class Backend:
    """Answers calls from the start, and delivers from `start` to `stop`."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.events = Events()
        self.events.subscribe(log)
        self._store = Store(settings.location, self.events, settings.synchronous)
        self.calls = Calls(self._store, self._clock, settings.policy)
        self._leader_lock = LeaderLock(settings.location.lock_path)
        self._dispatcher: Dispatcher | None = None
        self._sweeper = Sweeper(self._store, self._clock)
        self._waiting: asyncio.Task[None] | None = None

    async def start(self, target: Target) -> None:
        """Deliver to `target` from now on; as soon as no other process does, if one has the lead."""
        self._target = target
        try:
            self._store.open()
            leads = self._leader_lock.take()
        except BaseException:
            await self.stop(timedelta(0))
            raise
        if leads:
            await self._deliver()
        else:
            self._waiting = asyncio.get_running_loop().create_task(self._deliver_later())

    async def stop_delivering(self, grace: timedelta) -> None:
        """Start no more attempts and finish those under way within `grace`. Calls are still answered."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.wait([self._waiting])
            self._waiting = None
        if self._dispatcher is not None:
            dispatcher, self._dispatcher = self._dispatcher, None
            try:
                await dispatcher.stop(grace)
            finally:
                await self._sweeper.stop()

    async def stop(self, grace: timedelta) -> None:
        """Stop delivering as `stop_delivering` does, and let another process take over."""
        # Each step is done, in the reverse order, though one before it may fail or be cancelled.
        async with AsyncExitStack() as steps:
            steps.callback(self._leader_lock.release)
            steps.callback(self._store.close)
            steps.push_async_callback(self._target.close)
            await self.stop_delivering(grace)

    @property
    def delivers(self) -> bool:
        """Whether it is this process that delivers."""
        return self._dispatcher is not None

    async def _deliver_later(self) -> None:
        while not self._lead_taken():
            await asyncio.sleep(_TRY_AGAIN)
        await self._deliver()

    def _lead_taken(self) -> bool:
        try:
            return self._leader_lock.take()
        except StoreError:
            _log.exception("this process cannot stand in for the one that delivers; it tries again")
            return False

    async def _deliver(self) -> None:
        self._dispatcher = Dispatcher(self._store, self._target, self._clock)
        await self._dispatcher.start()
        self._sweeper.start()
