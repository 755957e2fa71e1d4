"""Records of tasks in the local service's database: the store of results of `LocalService.results`."""

import asyncio
import logging
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from gcptasks.base.clock import Clock
from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.per_loop import PerLoop
from gcptasks.base.running_loop import running_loop
from gcptasks.engine.task_records import Cancelled, Event, Restarted, TaskRecord
from gcptasks.results.store import AsyncStore, Attempt, BlockingStore, Change, NewRecord, Page, Query, StoreSettings
from gcptasks.server.new_records import NewRecords
from gcptasks.server.other_writes import OtherWrites
from gcptasks.server.record_waits import LOOK_EVERY, RecordWaits
from gcptasks.server.turn_reads import TurnReads
from gcptasks.service import task_records
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx

_log = logging.getLogger("gcptasks")

_BY_CALLERS = (Cancelled, Restarted)
"""What is synced, as calls of the API are. What attempts say is committed as acknowledgements are: of these a power
cut takes the last ones, and then their tasks are delivered again."""


class LocalResults:
    """A `ResultStore` on the service's own database. Safe to use from any thread and any event loop."""

    def __init__(self, store: Store, clock: Clock, settings: StoreSettings, recorded_here: set[str]) -> None:
        self.settings = settings
        self.recorded_here = recorded_here
        self.store = store
        self.clock = clock
        self.has_other_writers = store.database.path is not None
        self._watches = False
        self._threads: dict[threading.Event, str] = {}
        self._loops = PerLoop(lambda: _Awaiting(self))
        self._blocking = _Blocking(self)
        begin_anew_in_children(self)

    @property
    def remote(self) -> bool:
        return False

    def blocking(self) -> BlockingStore:
        return self._blocking

    def awaiting(self) -> AsyncStore:
        return self._loops.get()

    def add_soon(self, records: Collection[NewRecord]) -> None:
        """Add these, whose ids are new, with what the running event loop has written next."""
        self._loops.get().add_soon(records)

    def begin_anew(self) -> None:
        """In a forked child: nobody waits here yet, and the store tells nobody."""
        self._watches = False
        self._threads = {}
        self._loops = PerLoop(lambda: _Awaiting(self))

    def watch(self) -> None:
        """Tell those who wait what this process commits from now on."""
        if not self._watches:
            self.store.watch_records(self._tell)
            self._watches = True

    def versions(self, ids: list[str]) -> dict[str, int]:
        return self.store.read(task_records.record_versions, ids, self.clock.now())

    def records(self, ids: list[str]) -> dict[str, TaskRecord]:
        return self.store.read(task_records.get_records, ids, self.clock.now())

    def waiting_thread(self, id: str) -> threading.Event:
        """What is set when that record may have changed, until `thread_left`."""
        self.watch()
        changed = threading.Event()
        self._threads[changed] = id
        return changed

    def thread_left(self, changed: threading.Event) -> None:
        self._threads.pop(changed, None)

    def _tell(self, ids: list[str]) -> None:
        for changed, id in list(self._threads.items()):
            if id in ids:
                changed.set()
        for one in self._loops.made():
            one.told(ids)


class _Blocking:
    """The calls that block."""

    def __init__(self, results: LocalResults) -> None:
        self._results = results
        self._store = results.store
        self._now = results.clock.now
        self._keep = results.settings.expires_after

    def add(self, record: NewRecord) -> TaskRecord:
        return self._store.write_sync_unsynced(task_records.add_record, record, self._keep, self._now())

    def add_many(self, records: Collection[NewRecord]) -> None:
        self._store.write_sync_unsynced(task_records.add_records, records, self._keep, self._now())

    def get(self, id: str) -> TaskRecord | None:
        return self._results.records([id]).get(id)

    def change(self, id: str, run: int, event: Event) -> Change | None:
        write = self._store.write_sync if isinstance(event, _BY_CALLERS) else self._store.write_sync_unsynced
        return write(task_records.change_record, id, run, event, self._now())

    def hear(self, attempts: Collection[Attempt]) -> None:
        self._store.write_sync_unsynced(task_records.hear_records, attempts, self._now())

    def cancelled(self, attempts: Collection[Attempt]) -> set[Attempt]:
        return self._store.read(task_records.cancelled_records, attempts, self._now())

    def find(self, query: Query) -> Page:
        found = _Found(query)
        while not found.whole:
            found.add(self._store.read(task_records.find_records, found.rest, self._now()))
        return found.page

    def remove(self, id: str) -> bool:
        return self._store.write_sync(task_records.remove_record, id, self._now())

    def wait(self, id: str, version: int, timeout: float) -> None:
        until = time.monotonic() + timeout
        others = OtherWrites(self._store)
        changed = self._results.waiting_thread(id)
        try:
            while self._results.versions([id]).get(id) == version:
                while not changed.is_set() and not others.wrote():
                    left = until - time.monotonic()
                    if left <= 0:
                        return
                    changed.wait(min(left, LOOK_EVERY) if self._results.has_other_writers else left)
                changed.clear()
        finally:
            self._results.thread_left(changed)

    def close(self) -> None:
        """The database is the service's."""


class _Awaiting:
    """The calls that are awaited, on one event loop."""

    def __init__(self, results: LocalResults) -> None:
        self._results = results
        self._store = results.store
        self._now = results.clock.now
        self._keep = results.settings.expires_after
        self._loop = asyncio.get_running_loop()
        self._records = TurnReads(results.records)
        self._waits = RecordWaits(results.versions, results.store)
        self._adding: set[NewRecords] = set()
        self._newest = NewRecords()
        self._newest.close()

    async def add(self, record: NewRecord) -> TaskRecord:
        return await self._store.write_unsynced(task_records.add_record, record, self._keep, self._now())

    async def add_many(self, records: Collection[NewRecord]) -> None:
        self.add_soon(records)

    def add_soon(self, records: Collection[NewRecord]) -> None:
        # Without waiting: they share the commit of what is written next, which is their tasks.
        if not self._newest.take_in(records):
            self._newest = new = NewRecords()
            new.take_in(records)
            new.written = self._store.enqueue_unsynced(_add, new, self._keep, self._now())
            self._adding.add(new)
            new.written.add_done_callback(partial(self._added, new))

    async def get(self, id: str) -> TaskRecord | None:
        await self._added_before(id)
        return await self._records.get(id)

    async def change(self, id: str, run: int, event: Event) -> Change | None:
        if isinstance(event, _BY_CALLERS):
            return await self._store.write(task_records.change_record, id, run, event, self._now())
        return await self._store.enqueue_unsynced(task_records.change_record, id, run, event, self._now())

    async def hear(self, attempts: Collection[Attempt]) -> None:
        await self._store.write_unsynced(task_records.hear_records, attempts, self._now())

    async def cancelled(self, attempts: Collection[Attempt]) -> set[Attempt]:
        await self._all_added()
        return self._store.read(task_records.cancelled_records, attempts, self._now())

    async def find(self, query: Query) -> Page:
        await self._all_added()
        found = _Found(query)
        while not found.whole:
            found.add(self._store.read(task_records.find_records, found.rest, self._now()))
            await asyncio.sleep(0)
        return found.page

    async def remove(self, id: str) -> bool:
        return await self._store.write(task_records.remove_record, id, self._now())

    async def wait(self, id: str, version: int, timeout: float) -> None:
        await self._added_before(id)
        self._results.watch()
        await self._waits.wait(id, version, timeout)

    async def close(self) -> None:
        """The database is the service's."""

    def told(self, ids: list[str]) -> None:
        """These may have changed; called in any thread."""
        if self._waits.concerns(ids):
            if running_loop() is self._loop:
                self._waits.tell(ids)
            else:
                # A loop that was closed has nobody left who waits.
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._waits.tell, ids)

    async def _added_before(self, id: str) -> None:
        for new in self._adding:
            if id in new:
                await asyncio.wait((new.written,))
                break

    async def _all_added(self) -> None:
        if self._adding:
            await asyncio.wait([new.written for new in self._adding])

    def _added(self, new: NewRecords, written: asyncio.Future[None]) -> None:
        self._adding.discard(new)
        if not written.cancelled() and (error := written.exception()) is not None:
            _log.error("what becomes of some tasks is not recorded: %s", error)


def _add(tx: Tx, new: NewRecords, keep: timedelta, now: datetime) -> None:
    task_records.add_records(tx, new.close(), keep, now)


class _Found:
    """The page of a query, from pages that may have less."""

    def __init__(self, query: Query) -> None:
        self.rest = query
        self.page = Page([], None)
        self.whole = query.limit < 1

    def add(self, page: Page) -> None:
        self.page = Page(self.page.records + page.records, page.next)
        self.rest = replace(self.rest, limit=self.rest.limit - len(page.records), after=page.next)
        self.whole = self.rest.limit < 1 or page.next is None
