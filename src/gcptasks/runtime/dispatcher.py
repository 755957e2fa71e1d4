"""The dispatcher: leases what is due, delivers it, and acknowledges how it ended.

It is the only one that delivers from its database (see `lead`). What it does at a time is one step, and a step does not
wait: it is taken at once, in the turn of the loop in which something happened, so that a task that is due when it is
created starts right after its commit. The loop beside it waits for what comes with time.
"""

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta

from gcptasks.base.clock import Clock
from gcptasks.base.running_loop import running_loop
from gcptasks.runtime.attempts import Attempts
from gcptasks.runtime.lanes import Lanes
from gcptasks.runtime.targets.target import Target
from gcptasks.service import dispatch
from gcptasks.service.dispatch import Wanted
from gcptasks.store.leases import Leased
from gcptasks.store.store import Store
from gcptasks.store.tx import Changes
from gcptasks.store.writer import NotNow

_log = logging.getLogger("gcptasks")

_AT_A_TIME = 100
"""How many tasks start before the event loop has its turn, in which many of them end."""
_OTHERS_LOOK = timedelta(milliseconds=50)
"""How often to look whether another process has written."""
_NOTHING_TO_DO = timedelta(minutes=1)
_AFTER_AN_ERROR = timedelta(seconds=1)


class Dispatcher:
    """Delivers the due tasks of a store to a target, from `start` to `stop`."""

    def __init__(self, store: Store, target: Target, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lanes = Lanes(store)
        self._attempts = Attempts(store, target, clock, self._over)
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._leasing = False
        self._stepping = False
        self._stopping = False
        self._queues_changed = True
        self._forced = True
        self._data_version: int | None = None
        self._looked_at: datetime | None = None
        self._until = clock.now()
        self._wanted: Wanted = {}

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unwatch = self._store.watch(self._changed)
        self._running = self._loop.create_task(self._run())

    async def stop(self, grace: timedelta) -> None:
        """Start nothing more and wait for what is under way; what takes longer is left to the next start."""
        if self._running is None:
            return
        until = self._loop.time() + grace.total_seconds()
        running, self._running = self._running, None
        self._unwatch()
        self._stopping = True
        self._wake.set()
        try:
            # Not cancelled at once: an attempt that is counted already is still begun.
            await asyncio.wait([running], timeout=grace.total_seconds())
            await self._attempts.over_by(until)
        finally:
            running.cancel()
            await self._attempts.cut_off()

    async def _run(self) -> None:
        while not self._stopping:
            self._step()
            if self._leasing:
                await self._lease_later()
            else:
                await self._clock.wait(self._wake, self._until)

    def _step(self) -> None:
        """Do what there is to do now, and set `_until`."""
        # What a step commits is told to it as well; and what was taken is leased before more is.
        if self._stepping or self._leasing or self._stopping:
            return
        self._stepping = True
        try:
            self._until = self.run_once()
        except Exception:  # such as StoreError; nobody else sees to it that this goes on
            self._failed()
        finally:
            self._stepping = False

    def run_once(self) -> datetime:
        """Start what is due, and say when there is more to do if nothing happens before."""
        now = self._clock.now()
        self._notice_others(now)
        if self._queues_changed:
            self._lanes.load(now)
            self._queues_changed = False
        self._wanted = self._lanes.take(now, _AT_A_TIME)
        try:
            self._lease(now)
        except NotNow:
            self._leasing = True
        return self._next_at(now)

    def _lease(self, now: datetime) -> None:
        if self._forced:
            self._begin_forced(self._store.write_unsynced_now(dispatch.lease_forced, now))
        if self._wanted:
            self._begin(self._store.write_unsynced_now(dispatch.lease, self._wanted, now))

    async def _lease_later(self) -> None:
        """The same, once the database may be written."""
        now = self._clock.now()
        try:
            if self._forced:
                self._begin_forced(await self._store.write_unsynced(dispatch.lease_forced, now))
            if self._wanted:
                self._begin(await self._store.write_unsynced(dispatch.lease, self._wanted, now))
        except Exception:
            self._failed()
        finally:
            self._leasing = False

    def _begin(self, leased: list[Leased]) -> None:
        begun = {one.number for one in leased}
        self._give_back(begun)
        self._attempts.begin(leased, forced=False)

    def _begin_forced(self, leased: list[Leased]) -> None:
        self._forced = False
        for one in leased:
            self._lanes.forced(one.task.name.queue, one.number)
        self._attempts.begin(leased, forced=True)

    def _give_back(self, begun: set[int]) -> None:
        """What was taken and did not come about is not under way."""
        for queue, numbers in self._wanted.items():
            for number in numbers:
                if number not in begun:
                    self._lanes.ended(queue, number, forced=False)
        self._wanted = {}

    def _failed(self) -> None:
        _log.exception("the dispatcher cannot use the database; it tries again")
        self._give_back(set())
        self._reread()
        self._until = self._clock.now() + _AFTER_AN_ERROR

    def _over(self, leased: list[Leased], forced: bool) -> None:
        """These attempts are over, so others may take their places."""
        for one in leased:
            self._lanes.ended(one.task.name.queue, one.number, forced=forced)
        self._step_at_once()

    def _notice_others(self, now: datetime) -> None:
        """See whether another process has written, and if so read again what is due soon."""
        if self._store.location.path is None:
            return
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < _OTHERS_LOOK:
            return
        version = self._store.data_version()
        if version is None:
            return
        self._looked_at = now
        if version != self._data_version:
            self._data_version = version
            self._reread()

    def _reread(self) -> None:
        self._queues_changed = self._forced = True
        self._lanes.reread()

    def _next_at(self, now: datetime) -> datetime:
        latest = now + (_NOTHING_TO_DO if self._store.location.path is None else _OTHERS_LOOK)
        at = self._lanes.next_at(now)
        return latest if at is None else min(at, latest)

    def _changed(self, changes: Changes) -> None:
        """The store says what was committed, in whichever thread that was."""
        if running_loop() is self._loop:
            self._note(changes)
        else:
            # A loop that was closed without a stop has no dispatcher any more.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._note, changes)

    def _note(self, changes: Changes) -> None:
        self._queues_changed |= changes.queues
        self._forced |= changes.forced
        for queue, due in changes.arrivals:
            self._lanes.arrived(queue, due)
        self._step_at_once()

    def _step_at_once(self) -> None:
        awaited = self._until
        self._step()
        if self._until < awaited or self._leasing:
            self._wake.set()
