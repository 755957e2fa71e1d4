"""A store that may be down, for those who can do without it: then tasks run as if nobody asked about them.

What fails is passed over, and so is what the store does not answer while it answers nobody for a second: where many ask
at once, each waits for its turn. The log says so once when it begins, and once when it is over.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any, TypeVar, cast

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.log_text import log_text
from gcptasks.engine.task_records import Event, TaskRecord
from gcptasks.results.patient_threads import PatientThreads
from gcptasks.results.per_store import PerStore
from gcptasks.results.store import AsyncStore, Attempt, BlockingStore, Change, DeliveringStore, NewRecord, ResultStore

T = TypeVar("T")

_log = logging.getLogger("gcptasks")

LIMIT = 1.0
"""Seconds that a store which is down costs whoever calls it."""
_LONGEST = 10.0
"""Seconds that a call waits for a store which answers others."""
_LOOK_EVERY = 0.25
_MOST_LATE = 200
"""Calls that may go on after that, as those of the first connection do."""
_LATE = f"there was no answer within {LIMIT:g} s"


class GuardedStore:
    """A store, and calls on it that raise nothing and take a second at most. `guarded` makes one for each store."""

    def __init__(self, store: ResultStore) -> None:
        self.store = store
        self.delivering = store if isinstance(store, DeliveringStore) else None
        """The store, if it is that of a service which delivers: its new records are written with their tasks."""
        self.outage = _Outage(type(store).__name__)
        self.threads = PatientThreads("gcptasks-results")
        self.quiet = QuietStore(self)
        self.awaiting = AsyncQuietStore(self)

    @property
    def down(self) -> bool:
        """Whether its last call failed."""
        return self.outage.down


class QuietStore:
    """The calls that code that blocks can do without. While the store is down all say None or False."""

    def __init__(self, guarded: GuardedStore) -> None:
        self._guarded = guarded

    def add(self, record: NewRecord) -> TaskRecord | None:
        return self._answer(lambda store: store.add(record))

    def add_many(self, records: Collection[NewRecord]) -> None:
        self._answer(lambda store: store.add_many(records))

    def get(self, id: str) -> TaskRecord | None:
        return self._answer(lambda store: store.get(id))

    def change(self, id: str, run: int, event: Event) -> Change | None:
        return self._answer(lambda store: store.change(id, run, event))

    def remove(self, id: str) -> bool:
        return bool(self._answer(lambda store: store.remove(id)))

    def _answer(self, call: Callable[[BlockingStore], T]) -> T | None:
        store, outage = self._guarded.store, self._guarded.outage
        try:
            blocking = store.blocking()
            answer = self._in_time(call, blocking) if store.remote else call(blocking)
        except Exception as error:  # whatever a database and its driver may do
            outage.lasts(error)
            return None
        outage.is_over()
        return answer

    @property
    def down(self) -> bool:
        """Whether the last call failed."""
        return self._guarded.down

    def _in_time(self, call: Callable[[BlockingStore], T], store: BlockingStore) -> T:
        since = time.monotonic()
        outcome = self._guarded.threads.call(partial(call, store))
        patience = _Patience(self._guarded.outage, since)
        while seconds := patience.next():
            try:
                return outcome.result(seconds)
            except TimeoutError:
                if outcome.done():  # it is the driver's own
                    raise
        outcome.cancel()
        raise TimeoutError(_LATE)


class AsyncQuietStore:
    """The same, awaited; also of a store that can only block."""

    def __init__(self, guarded: GuardedStore) -> None:
        self._guarded = guarded
        self._calls: set[asyncio.Future[Any]] = set()
        self._blocks = False
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Have nothing under way."""
        self._calls = set()

    async def add(self, record: NewRecord) -> TaskRecord | None:
        return await self._answer(lambda store: store.add(record))

    async def add_many(self, records: Collection[NewRecord]) -> None:
        guarded = self._guarded
        if guarded.delivering is None:
            await self._answer(lambda store: store.add_many(records))
            return
        try:
            guarded.delivering.add_soon(records)
        except Exception as error:  # as everywhere
            guarded.outage.lasts(error)
        else:
            guarded.outage.is_over()

    async def get(self, id: str) -> TaskRecord | None:
        return await self._answer(lambda store: store.get(id))

    @property
    def down(self) -> bool:
        """Whether the last call failed."""
        return self._guarded.down

    async def change(self, id: str, run: int, event: Event, since: float | None = None) -> Change | None:
        """What came of the event. `since`: when the caller began to wait for the store, if that was before."""
        return await self._answer(lambda store: store.change(id, run, event), since)

    async def change_or_later(self, id: str, run: int, event: Event) -> "Change | asyncio.Future[Change | None] | None":
        """What came of the event; what will tell it, if that takes longer than a second."""
        if not self._guarded.store.remote:
            return await self.change(id, run, event)
        try:
            future = self._tracked(self._begun(lambda store: store.change(id, run, event)))
            if not await self._in_time(future, time.monotonic()):
                self._guarded.outage.lasts(TimeoutError(_LATE))
                if len(self._calls) <= _MOST_LATE:
                    return future
                future.cancel()
                return None
            change = future.result()
        except Exception as error:  # whatever a database and its driver may do
            self._guarded.outage.lasts(error)
            return None
        self._guarded.outage.is_over()
        return change

    async def remove(self, id: str) -> bool:
        return bool(await self._answer(lambda store: store.remove(id)))

    async def hear(self, attempts: Collection[Attempt]) -> None:
        await self._answer(lambda store: store.hear(attempts))

    async def cancelled(self, attempts: Collection[Attempt]) -> set[Attempt]:
        return await self._answer(lambda store: store.cancelled(attempts)) or set()

    async def _answer(self, call: Callable[[AsyncStore], Awaitable[T]], since: float | None = None) -> T | None:
        guarded = self._guarded
        try:
            calling = self._begun(call)
            answer = await (self._answer_in_time(calling, since) if guarded.store.remote else calling)
        except Exception as error:  # whatever a database and its driver may do
            guarded.outage.lasts(error)
            return None
        guarded.outage.is_over()
        return answer

    def _begun(self, call: Callable[[AsyncStore], Awaitable[T]]) -> Awaitable[T]:
        store = self._guarded.store
        if not self._blocks:
            try:
                awaiting = store.awaiting()
            except TypeError:
                self._blocks = True
            else:
                return call(awaiting)
        # The calls of both kinds have the same names.
        blocking = cast(Callable[[BlockingStore], T], call)
        return asyncio.wrap_future(self._guarded.threads.call(partial(blocking, store.blocking())))

    async def _answer_in_time(self, calling: Awaitable[T], since: float | None) -> T:
        # In a task of its own: a driver that is cancelled may take its time, and who is cancelled while it writes
        # leaves it written.
        future = self._tracked(calling)
        if not await self._in_time(future, time.monotonic() if since is None else since):
            future.cancel()
            raise TimeoutError(_LATE)
        return future.result()

    async def _in_time(self, future: "asyncio.Future[Any]", since: float) -> bool:
        """Return when it is done: True; or False when whoever has waited since then is to wait no longer."""
        patience = _Patience(self._guarded.outage, since)
        while not future.done():
            seconds = patience.next()
            if not seconds:
                return False
            await asyncio.wait((future,), timeout=seconds)
        return True

    def _tracked(self, calling: Awaitable[T]) -> "asyncio.Future[T]":
        future = asyncio.ensure_future(calling)
        self._calls.add(future)
        future.add_done_callback(self._over)
        return future

    def _over(self, future: "asyncio.Future[Any]") -> None:
        self._calls.discard(future)
        if not future.cancelled():
            future.exception()  # asked, as nobody else may


class _Patience:
    """For how long whoever has waited for a store since then goes on."""

    def __init__(self, outage: "_Outage", since: float) -> None:
        self._outage = outage
        self._since = since
        self._until = since
        self._after = 0.0

    def next(self) -> float:
        """Seconds until it is to be asked again; 0 when the time is over."""
        now = time.monotonic()
        # While this process, or its event loop, is held up it can hear no answer, so that does not count.
        self._until = max(self._until, now + self._after)
        left = max(self._outage.left(self._since), self._until - now, 0.0)
        seconds = min(left, _LOOK_EVERY)
        self._after = left - seconds
        return seconds


class _Outage:
    """Says once that a store is down, and once that it is back."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._answered_at = -math.inf
        self.down = False

    def left(self, since: float) -> float:
        """For how many seconds whoever has waited since then still waits: a store that answers others is not down."""
        return min(max(since, self._answered_at) + LIMIT, since + _LONGEST) - time.monotonic()

    def lasts(self, error: Exception) -> None:
        if not self.down:
            self.down = True
            said = log_text(error) or type(error).__name__
            _log.warning("%s does not answer, so tasks run without being recorded: %s", self._store, said)

    def is_over(self) -> None:
        self._answered_at = time.monotonic()
        if self.down:
            self.down = False
            _log.warning("%s answers again: tasks are recorded", self._store)


_guards = PerStore(GuardedStore)


def guarded(store: ResultStore) -> GuardedStore:
    """The guard of this store, the same for all who ask while somebody has it."""
    return _guards.of(store)
