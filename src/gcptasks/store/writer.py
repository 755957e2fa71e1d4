"""The one writer of a process: verbs that wait at the same time are committed together.

A verb is queued and its caller waits. Whoever gets the lock takes all that is queued, runs each verb in a savepoint of
one transaction, and commits: on an event loop once per tick, in a thread that calls `write_sync` at once. No caller
waits for an event loop, since it may stand on one; the lock is never held across an `await`.

Verbs run where the lock was taken, for handing statements to a thread costs more than they do: sqlite3 lets go of the
interpreter at each one, and a busy loop gives it back only every 5 ms. Where commits turn out to be slow, as on a slow
disk, the commit alone goes to a thread and the loop goes on meanwhile (docs/performance.md has the figures).

A commit of nothing but leases and acknowledgements is not synced: a killed process loses none of it, and what a power
cut takes is delivered again. A later synced commit makes it durable too.
"""

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from gcptasks.base.errors import StoreError
from gcptasks.base.events import Event
from gcptasks.base.running_loop import running_loop
from gcptasks.store.commit_place import CommitPlace
from gcptasks.store.connection import as_store_error, is_busy, store_errors
from gcptasks.store.loop_lock import LoopLock
from gcptasks.store.pending import Pending
from gcptasks.store.tx import Changes, Tx
from gcptasks.store.write_connection import WriteConnection

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("gcptasks")

_GROUP = 256
"""How many verbs share a commit at most, so that a loop is not held for longer than some 10 ms."""
_PATIENCE_MS = 10_000
"""How long a thread waits for another process's lock."""


@dataclass(slots=True)
class _Group:
    """Verbs that are committed together, their transaction open; or that failed together."""

    verbs: list[Pending[Any]]
    durable: bool
    tx: Tx | None = None
    error: StoreError | None = None


class NotNow(Exception):
    """Somebody else is writing."""


class Writer:
    """Runs verbs in transactions. `tell` is called after each commit, in the thread that committed."""

    def __init__(
        self,
        open_connection: Callable[[], WriteConnection],
        tell: Callable[[list[Event], Changes], None],
        place: CommitPlace | None = None,
    ) -> None:
        self._open = open_connection
        self._tell = tell
        self._place = place or CommitPlace()
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._lock = LoopLock()
        self._waiting: deque[Pending[Any]] = deque()
        self._flush_on: asyncio.AbstractEventLoop | None = None
        self._opened: WriteConnection | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def write(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The verb's answer, once it is durable; or what it raised, nothing of it done."""
        return await self._enqueue(verb, args, kwargs, durable=True).wait()

    async def write_unsynced(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The verb's answer, once it is committed, not synced: it survives SIGKILL, but not a power cut."""
        return await self._enqueue(verb, args, kwargs, durable=False).wait()

    def write_unsynced_now(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `write_unsynced`, without waiting: `NotNow`, nothing done, if another thread or process is writing."""
        pending = Pending(verb, args, kwargs, durable=False)
        if not self._lock.try_acquire():
            raise NotNow
        try:
            group = self._run([pending], 0)
        except NotNow:
            self._lock.release()
            raise
        self._finish(group)
        return pending.result()

    def write_sync(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `write`, blocking the thread, which may be one that runs an event loop."""
        pending = Pending(verb, args, kwargs, durable=True)
        self._waiting.append(pending)
        while not pending.done:
            self._lock.acquire()
            if pending.done:  # whoever had the lock took it along
                self._lock.release()
            else:
                self._commit_next()
        return pending.result()

    def exclusively(self, read: Callable[[sqlite3.Connection], R]) -> R:
        """What `read` finds on the writing connection, no transaction being open."""
        self._lock.acquire()
        try:
            return read(self._connection().sql)
        finally:
            self._lock.release()

    def data_version(self) -> int | None:
        """A number that changes when another process has written; None if it cannot be asked just now."""
        if not self._lock.try_acquire():
            return None
        try:
            with store_errors():
                return self._connection().data_version()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Commit what waits, and close the file. It is opened again when used again."""
        while self._waiting:
            self._lock.acquire()
            self._commit_next()
        self._lock.acquire()
        try:
            self._close_connection()
            if self._thread is not None:
                self._thread.shutdown(wait=False)
            self._thread = None
        finally:
            self._lock.release()

    def forked(self) -> None:
        """In a forked child: leave the parent's connection alone, and begin with nothing."""
        if self._opened is not None:
            self._opened.forked()
        self._start_afresh()

    def _enqueue(
        self, verb: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], *, durable: bool
    ) -> Pending[R]:
        loop = asyncio.get_running_loop()
        pending = Pending(verb, args, kwargs, durable=durable, loop=loop)
        self._waiting.append(pending)
        if self._flush_on is not loop:
            loop.call_soon(self._flush, loop)
            self._flush_on = loop
        return pending

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what waits, on its event loop; if somebody else has the lock, once it is let go.

        Afterwards no call of this loop waits for another to come: it is in a group, or the loop is called again.
        """
        self._flush_on = None
        if not self._waiting or not self._lock.acquire_or_call(loop, self._flush):
            return
        verbs = self._next_verbs()
        if self._waiting:  # now, for the group may fail, or be left to the thread, which commits no more than one
            self._lock.call_when_free(loop, self._flush)
        try:
            group = self._run(verbs, 0)
        except NotNow:
            self._waiting.extendleft(reversed(verbs))
            self._in_thread(self._commit_next)
            return
        if group.durable and self._place.choose_thread():
            self._in_thread(self._finish, group)
        else:
            self._finish(group)

    def _commit_next(self) -> None:
        """Commit a group of what waits, however long another process writes. The lock is held, and let go."""
        self._finish(self._run(self._next_verbs(), _PATIENCE_MS))

    def _next_verbs(self) -> list[Pending[Any]]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), _GROUP))]

    def _run(self, verbs: list[Pending[Any]], patience_ms: int) -> _Group:
        """Run these in one transaction, left open. The lock is held.

        `NotNow`, nothing done, if there is no patience and another process is writing.
        """
        group = _Group(verbs, durable=any(one.durable for one in verbs))
        try:
            group.tx = tx = self._connection().begin(durable=group.durable, patience_ms=patience_ms)
            for one in verbs:
                one.run(tx)
            tx.finish()
        except sqlite3.Error as error:
            if group.tx is None and patience_ms == 0 and is_busy(error):
                raise NotNow from error
            group.error = as_store_error(error)
        except StoreError as error:
            group.error = error
        except BaseException:  # such as Ctrl-C: the callers are told, and nobody is left waiting for the lock
            group.error = StoreError("the process was interrupted")
            self._finish(group)
            raise
        return group

    def _finish(self, group: _Group) -> None:
        """Commit the group, hand over the outcomes, let go of the lock, and say what happened."""
        try:
            if group.error is None:
                self._commit(group)
            if group.error is not None:
                self._give_up(group, group.error)
            for one in group.verbs:
                one.finish()
        finally:
            self._lock.release()
        if group.error is None and group.tx is not None:
            self._tell(group.tx.events, group.tx.changes)

    def _commit(self, group: _Group) -> None:
        begun = time.perf_counter()
        try:
            self._connection().commit()
        except sqlite3.Error as error:
            group.error = as_store_error(error)
        except StoreError as error:
            group.error = error
        if group.durable and running_loop() is not None:
            self._place.took(time.perf_counter() - begun)

    def _give_up(self, group: _Group, error: StoreError) -> None:
        try:
            if self._opened is not None:
                self._opened.roll_back()
        except sqlite3.Error:
            _log.exception("a transaction cannot be rolled back, so the database is closed, which undoes it too")
            self._close_connection()
        for one in group.verbs:
            one.fail(error)

    def _in_thread(self, work: Callable[..., None], *args: Any) -> None:
        """Have the thread go on, which lets go of the lock in the end."""
        try:
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="gcptasks-commit")
            self._thread.submit(work, *args)
        except RuntimeError:  # no thread to be had, or the interpreter is shutting down
            if self._thread is not None:  # it has the work in its queue even so, and must not do it again later
                self._thread.shutdown(wait=False, cancel_futures=True)
                self._thread = None
            work(*args)

    def _connection(self) -> WriteConnection:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _close_connection(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._opened = None
