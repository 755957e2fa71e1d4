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
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from gcptasks.base.errors import StoreError
from gcptasks.base.events import Event
from gcptasks.base.names import QueueName
from gcptasks.base.running_loop import running_loop
from gcptasks.store.connection import Synchronous, as_store_error, is_busy, store_errors
from gcptasks.store.pending import Pending
from gcptasks.store.queues import StoredQueue
from gcptasks.store.tx import Changes, Tx

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("gcptasks")

_GROUP = 256
"""How many verbs share a commit at most, so that a loop is not held for longer than some 10 ms."""
_SLOW_COMMIT = 0.003
"""Seconds that a synced commit takes, smoothed, from which on commits go to a thread."""
_COMMITS_IN_THREAD = 50
"""After so many, one is tried on the loop again: in a thread, waiting for the interpreter spoils the measure."""
_PATIENCE_MS = 10_000
"""How long a thread waits for another process's lock."""


@dataclass(slots=True)
class _Group:
    """Verbs that are committed together, their transaction open; or that failed together."""

    pending: list[Pending[Any]]
    durable: bool
    tx: Tx | None = None
    error: StoreError | None = None


class NotNow(Exception):
    """Somebody else is writing."""


class Writer:
    """Runs verbs in transactions. `told` is called after each commit, in the thread that committed."""

    def __init__(
        self,
        open_connection: Callable[[], sqlite3.Connection],
        told: Callable[[list[Event], Changes], None],
        synchronous: Synchronous,
    ) -> None:
        self._open = open_connection
        self._told = told
        self._synchronous = synchronous
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Pending[Any]] = deque()
        self._turned_away: deque[asyncio.AbstractEventLoop] = deque()
        self._flush_on: asyncio.AbstractEventLoop | None = None
        self._sql: sqlite3.Connection | None = None
        self._closing: weakref.finalize[[], Writer] | None = None
        self._syncing: bool | None = None
        self._patience_ms = -1
        self._cache: dict[QueueName, StoredQueue] = {}
        self._cached_version = -1
        self._commit_seconds = 0.0
        self._thread: ThreadPoolExecutor | None = None
        self._thread_commits_left = 0

    async def write(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The verb's answer, once it is durable; or what it raised, nothing of it done."""
        return await self._queued(verb, args, kwargs, durable=True).wait()

    async def write_unsynced(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The verb's answer, once it is committed, not synced: it survives SIGKILL, but not a power cut."""
        return await self._queued(verb, args, kwargs, durable=False).wait()

    def write_unsynced_now(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `write_unsynced`, without waiting: `NotNow`, nothing done, if another thread or process is writing."""
        pending = Pending(verb, args, kwargs, durable=False)
        if not self._lock.acquire(blocking=False):
            raise NotNow
        try:
            group = self._run_group([pending], 0)
        except NotNow:
            self._let_go()
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
                self._let_go()
            else:
                self._turn()
        return pending.result()

    def exclusively(self, read: Callable[[sqlite3.Connection], R]) -> R:
        """What `read` finds on the writing connection, no transaction being open."""
        self._lock.acquire()
        try:
            return read(self._connection())
        finally:
            self._let_go()

    def data_version(self) -> int | None:
        """A number that changes when another process has written; None if it cannot be asked just now."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            with store_errors():
                return _data_version(self._connection())
        finally:
            self._let_go()

    def close(self) -> None:
        """Commit what waits, and close the file. It is opened again when used again."""
        while self._waiting:
            self._lock.acquire()
            self._turn()
        self._lock.acquire()
        try:
            self._close_connection()
            if self._thread is not None:
                self._thread.shutdown(wait=False)
            self._thread = None
        finally:
            self._let_go()

    def forked(self) -> None:
        """In a forked child: leave the parent's connection alone, even unclosed, and begin with nothing."""
        if self._closing is not None:
            self._closing.detach()
        _left_by_forks.append(self._sql)
        self._start_afresh()

    def _queued(
        self, verb: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], *, durable: bool
    ) -> Pending[R]:
        loop = asyncio.get_running_loop()
        pending = Pending(verb, args, kwargs, durable=durable, loop=loop)
        self._waiting.append(pending)
        if self._flush_on is not loop:
            self._flush_on = loop
            loop.call_soon(self._flush, loop)
        return pending

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what waits, on its event loop; if somebody else has the lock, once it is let go."""
        self._flush_on = None
        if not self._waiting or not self._take_lock(loop):
            return
        pending = self._next_pending()
        try:
            group = self._run_group(pending, 0)
        except NotNow:
            self._waiting.extendleft(reversed(pending))
            self._in_thread(self._turn)
            return
        if self._waiting:
            self._turned_away.append(loop)
        if group.durable and self._disk_is_slow():
            self._thread_commits_left -= 1
            self._in_thread(self._finish, group)
        else:
            self._finish(group)

    def _take_lock(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether the lock is ours; if not, whoever has it will call the loop."""
        if self._lock.acquire(blocking=False):
            return True
        self._turned_away.append(loop)
        # It may have been let go before we were on the list.
        return self._lock.acquire(blocking=False)

    def _let_go(self) -> None:
        """Let go of the lock, and call those who were turned away while it was held."""
        self._lock.release()
        while self._turned_away:
            try:
                loop = self._turned_away.popleft()
                loop.call_soon_threadsafe(self._flush, loop)
            except IndexError:
                return  # another thread was faster
            except RuntimeError:
                pass  # closed: nobody waits there, and what was left is committed with the next

    def _turn(self) -> None:
        """Commit a group of what waits, however long another process writes. The lock is held, and let go."""
        self._finish(self._run_group(self._next_pending(), _PATIENCE_MS))

    def _next_pending(self) -> list[Pending[Any]]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), _GROUP))]

    def _run_group(self, pending: list[Pending[Any]], patience_ms: int) -> _Group:
        """Run these in one transaction, left open. The lock is held.

        `NotNow`, nothing done, if there is no patience and another process is writing.
        """
        group = _Group(pending, durable=any(one.durable for one in pending))
        try:
            self._begin(group, patience_ms)
            group.tx = tx = Tx(self._connection(), self._fresh_cache())
            for one in pending:
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

    def _begin(self, group: _Group, patience_ms: int) -> None:
        connection = self._connection()
        syncing = group.durable and self._synchronous == "full"
        if syncing is not self._syncing:
            connection.execute("PRAGMA synchronous = FULL" if syncing else "PRAGMA synchronous = NORMAL")
            self._syncing = syncing
        if patience_ms != self._patience_ms:
            connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
            self._patience_ms = patience_ms
        connection.execute("BEGIN IMMEDIATE")

    def _finish(self, group: _Group) -> None:
        """Commit the group, hand over the outcomes, let go of the lock, and say what happened."""
        try:
            self._commit(group)
            for one in group.pending:
                one.finish()
        finally:
            self._let_go()
        if group.error is None and group.tx is not None:
            self._told(group.tx.events, group.tx.changes)

    def _commit(self, group: _Group) -> None:
        if group.error is None:
            begun = time.perf_counter()
            try:
                self._connection().execute("COMMIT")
            except sqlite3.Error as error:
                group.error = as_store_error(error)
            self._measure(group, time.perf_counter() - begun)
        if group.error is not None:
            self._roll_back()
            for one in group.pending:
                one.fail(group.error)

    def _roll_back(self) -> None:
        self._cache.clear()
        if self._sql is not None and self._sql.in_transaction:
            try:
                self._sql.execute("ROLLBACK")
            except sqlite3.Error:
                _log.exception("a transaction cannot be rolled back, so the database is closed, which undoes it too")
                self._close_connection()

    def _measure(self, group: _Group, seconds: float) -> None:
        if group.durable and running_loop() is not None:
            self._commit_seconds += (seconds - self._commit_seconds) * 0.1
            if self._commit_seconds > _SLOW_COMMIT and self._thread_commits_left <= 0:
                self._thread_commits_left = _COMMITS_IN_THREAD

    def _disk_is_slow(self) -> bool:
        return self._thread_commits_left > 0

    def _in_thread(self, work: Callable[..., None], *args: Any) -> None:
        """Have the thread go on, which lets go of the lock in the end."""
        try:
            self._executor().submit(work, *args)
        except RuntimeError:  # no thread to be had, or the interpreter is shutting down
            work(*args)

    def _executor(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="gcptasks-commit")
        return self._thread

    def _connection(self) -> sqlite3.Connection:
        if self._sql is None:
            self._sql = self._open()
            # What is in memory stays until nobody has the store any more; Python 3.13 warns of one left open.
            self._closing = weakref.finalize(self, self._sql.close)
        return self._sql

    def _close_connection(self) -> None:
        if self._closing is not None:
            self._closing()
        self._sql = self._syncing = self._closing = None
        self._patience_ms = -1
        self._cache.clear()

    def _fresh_cache(self) -> dict[QueueName, StoredQueue]:
        """What is known of queues, forgotten if another process has written since. A transaction is open."""
        version = _data_version(self._connection())
        if version != self._cached_version:
            self._cache.clear()
            self._cached_version = version
        return self._cache


_left_by_forks: list[sqlite3.Connection | None] = []
"""Closing one in the child would clean up the file under its parent."""


def _data_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
