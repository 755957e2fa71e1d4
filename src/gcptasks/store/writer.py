"""The one writer of a process: verbs that wait at the same time are committed together.

A verb is queued and its caller waits. Whoever gets the lock takes all that is queued, runs each verb in a savepoint of
one transaction, and commits: on an event loop once per tick, in a thread that calls `write_sync` at once. No caller
waits for an event loop, since it may stand on one; the lock is never held across an `await`.

Verbs run where the lock was taken, for handing statements to a thread costs more than they do: sqlite3 lets go of the
interpreter at each one, and a busy loop gives it back only every 5 ms. A commit writes, then the log is synced. The
sync alone goes to a thread, and the loop goes on meanwhile, where it turns out to be slow, as on a slow disk
(docs/performance.md has the figures), or where attempts begin with the commit and nothing else is under way.

A call may be interrupted anywhere, as by Ctrl-C or a timeout. Then the next one that takes the lock, or already this
one on its way out, puts right what was left: it answers what was committed, and has run again what was not (`_mend`).
So only the interrupted call hears of the interruption.

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
from types import FrameType
from typing import Any, Concatenate, ParamSpec, TypeVar

from gcptasks.base.errors import Busy, StoreError, TaskError
from gcptasks.base.running_call import this_frame
from gcptasks.base.running_loop import running_loop
from gcptasks.store.commit_place import CommitPlace
from gcptasks.store.connection import as_store_error, store_errors
from gcptasks.store.group import Group
from gcptasks.store.loop_lock import UNTIL_AFTER_FORK, Hold, LoopLock
from gcptasks.store.pending import Pending, hand_over
from gcptasks.store.tx import Tx
from gcptasks.store.write_connection import DataVersion, WriteConnection

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("gcptasks")

_GROUP = 256
"""How many verbs share a commit at most, so that a loop is not held for longer than some 10 ms."""
_PATIENCE = 10.0
"""Seconds that a thread waits for another process's lock."""
_PATIENCE_ON_LOOP = 5.0
"""The same for a call that blocks an event loop."""
_LOOK_AGAIN = 0.1
"""Seconds after which a loop that waits looks by itself what became of it."""
_HANDED_OVER = 0.5
"""Seconds within which the thread must have begun what it was given, or another goes on with it."""


class NotNow(Exception):
    """Somebody else is writing."""


class Writer:
    """Runs verbs in transactions.

    In the thread that runs it, `complete` is called before each commit, when all verbs have run, `tell` after each,
    `undone` after each that did not come about, and `ended` after each transaction, with why it failed. `begin` is
    called after a commit of which the sync is still to come, with the lock held.
    """

    def __init__(
        self,
        open_connection: Callable[[], WriteConnection],
        tell: Callable[[Tx], None],
        ended: Callable[[StoreError | None], None] = lambda error: None,
        complete: Callable[[Tx], None] = lambda tx: None,
        begin: Callable[[Tx], None] = lambda tx: None,
        undone: Callable[[Tx], None] = lambda tx: None,
        place: CommitPlace | None = None,
    ) -> None:
        self._open = open_connection
        self._tell = tell
        self._ended = ended
        self._complete = complete
        self._begin = begin
        self._undone = undone
        self._place = place or CommitPlace()
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._lock = LoopLock()
        self._kept_for_fork: Hold | None = None
        self._waiting: deque[Pending[Any]] = deque()
        self._group: Group | None = None
        """What is being done by the call that has the lock, or was when it was interrupted."""
        self._untold: dict[Group, None] = {}
        """What is committed and answered, and not told yet."""
        self._flush_on: asyncio.AbstractEventLoop | None = None
        self._look_on: asyncio.AbstractEventLoop | None = None
        self._look_at = 0.0
        self._opened: WriteConnection | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def write(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The verb's answer, once it is durable; or what it raised, nothing of it done.

        `StoreError` of a disk that cannot sync is the exception: what was committed is there.
        """
        return await self._enqueue(verb, args, kwargs, durable=True)

    async def write_unsynced(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The verb's answer, once it is committed, not synced: it survives SIGKILL, but not a power cut."""
        return await self._enqueue(verb, args, kwargs, durable=False)

    def enqueue(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
        """As `write`, without a coroutine of its own."""
        return self._enqueue(verb, args, kwargs, durable=True)

    def enqueue_unsynced(
        self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[R]:
        """As `write_unsynced`, without waiting: it is committed before, or with, all that is asked for later."""
        return self._enqueue(verb, args, kwargs, durable=False)

    def write_unsynced_now(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `write_unsynced`, without waiting: `NotNow`, nothing done, if another thread or process is writing."""
        pending = Pending(verb, args, kwargs, durable=False)
        try:
            done = self._commit_with(pending, alone=True)
        except BaseException:
            self._recover()
            raise
        if not done:
            raise NotNow
        return pending.result()

    def write_sync(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `write`, blocking the thread, which may be one that runs an event loop."""
        return self._commit_blocking(Pending(verb, args, kwargs, durable=True))

    def write_sync_unsynced(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `write_unsynced`, blocking the thread, which may be one that runs an event loop."""
        return self._commit_blocking(Pending(verb, args, kwargs, durable=False))

    def exclusively(self, read: Callable[[sqlite3.Connection], R], *, first: bool = False) -> R:
        """What `read` finds on the writing connection, no transaction being open.

        It waits for a moment at which nobody writes; with `first`, all who come from now on wait for it.
        """
        try:
            return self._read(read, first)
        except TaskError:
            raise
        except BaseException:
            self._recover()
            raise

    def data_version(self) -> DataVersion | None:
        """What changes when another process has written; None if it cannot be asked just now.

        It changes when the file was closed as well: nobody watched meanwhile.
        """
        hold = self._lock.try_acquire(this_frame())
        if hold is None:
            return None
        try:
            if hold.torn:
                self._mend()
            with store_errors():
                return self._connection().data_version()
        finally:
            self._let_go(hold)

    def settle(self) -> None:
        """Commit what waits, blocking the thread; it fails if another process is writing for too long."""
        try:
            while self._waiting:
                self._commit_or_fail(None)
        except BaseException:
            self._recover()
            raise

    def close(self) -> None:
        """Commit what waits, and close the file. It is opened again when used again."""
        self.settle()
        try:
            self._close()
        except BaseException:
            self._recover()
            raise

    @property
    def is_open(self) -> bool:
        return self._opened is not None

    @property
    def is_closed_for_fork(self) -> bool:
        """Whether nothing is open and nobody may open it: a thread that is opening it has the lock as well."""
        return self._kept_for_fork is not None and self._opened is None

    def close_before_fork(self, until: float) -> None:
        """Let nobody write until after the fork, and close the file, unless somebody writes until then (monotonic).

        What waits goes on waiting, in the parent.
        """
        self._kept_for_fork = hold = self._lock.acquire_first(this_frame(), until)
        if hold is None:
            return
        if hold.torn:
            self._mend()
        hold.keep(UNTIL_AFTER_FORK)
        if self._opened is not None and self._opened.is_file:
            self._close_connection()

    def go_on_after_fork(self) -> None:
        """In the parent: let others write again."""
        hold, self._kept_for_fork = self._kept_for_fork, None
        if hold is not None:
            self._let_go(hold)

    def begin_anew_after_fork(self) -> None:
        """In the child: leave what is still open to the parent, and begin with nothing."""
        if self._opened is not None:
            self._opened.forked()
        self._start_afresh()

    def _enqueue(
        self, verb: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], *, durable: bool
    ) -> asyncio.Future[R]:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[R] = loop.create_future()
        self._waiting.append(Pending(verb, args, kwargs, durable=durable, future=outcome))
        if self._flush_on is not loop:
            loop.call_soon(self._flush, loop)
            self._flush_on = loop
            self._look_later(loop)
        return outcome

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the loop look by itself before long: whoever was to call it may have been interrupted."""
        now = loop.time()
        if self._look_on is not loop or self._look_at < now:
            loop.call_at(now + _LOOK_AGAIN, self._look, loop)
            self._look_on, self._look_at = loop, now + _LOOK_AGAIN

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._look_on = None
        if self._waiting:
            self._look_later(loop)
            self._flush(loop)

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what waits, on its event loop; if somebody else has the lock, once it is let go.

        Afterwards no call of this loop waits for another to come: it is in a group, or the loop is called again.
        """
        self._flush_on = None
        if not self._waiting:
            return
        try:
            self._commit_on(loop)
        except BaseException:
            loop.call_soon(self._flush, loop)
            self._recover()
            raise

    def _commit_on(self, loop: asyncio.AbstractEventLoop) -> None:
        hold = self._lock.acquire_or_call(this_frame(), loop, self._flush)
        if hold is None:
            return
        if hold.torn:
            self._mend()
        verbs = self._next_verbs()
        if len(self._waiting) > len(verbs):
            # Now, for the group may fail, or be left to the thread, which commits no more than one.
            self._lock.call_when_free(loop, self._flush)
        group = self._run(hold, verbs)
        if group is None:
            self._in_thread(hold, self._commit_or_fail, hold)
        elif group.error is None and self._syncs_in_thread(group):
            self._commit(group)
            self._begin_early(group)
            self._in_thread(hold, self._finish_kept, group)
        else:
            self._finish(group)

    def _syncs_in_thread(self, group: Group) -> bool:
        """Whether the loop goes on while the disk syncs: it has what the group begins to do, or the disk is slow."""
        if not group.durable or not self._connection().syncs:
            return False
        begins = group.tx is not None and group.tx.begins_alone
        return begins or self._place.choose_thread()

    def _begin_early(self, group: Group) -> None:
        """Let begin what does, before all is told: that may wait for somebody who waits for the lock, as a log may."""
        if group.committed and group.tx is not None:
            self._begin(group.tx)

    def _commit_with(self, pending: Pending[Any], until: float = 0.0, *, alone: bool = False) -> bool:
        """Commit that verb `alone`, or a group of what waits, with it or before it.

        False, nothing done, if somebody else is writing until then (monotonic).
        """
        while (hold := self._lock.try_acquire(this_frame())) is None:
            if not self._lock.wait(this_frame(), until):
                return False
            if pending.done:  # whoever had the lock took it along
                return True
        if hold.torn:
            self._mend()
        if pending.done:
            self._let_go(hold)
            return True
        group = self._run(hold, [pending] if alone else self._next_verbs(), until)
        if group is None:
            self._let_go(hold)
            return False
        self._finish(group)
        return True

    def _commit_blocking(self, pending: Pending[R]) -> R:
        try:
            self._waiting.append(pending)
            self._commit_with(pending)
            if not pending.done:
                self._commit_patiently(pending)
        except BaseException:
            pending.settled = True
            self._recover()
            raise
        return pending.result()

    def _commit_patiently(self, pending: Pending[Any]) -> None:
        until = _patience()
        while not pending.done:
            if not self._commit_with(pending, until) and self._withdrawn(pending):
                raise _busy()

    def _withdrawn(self, pending: Pending[Any]) -> bool:
        """Have nobody begin with that verb; False if another thread has, and it is done by now (CT-007)."""
        pending.settled = True
        while pending.begun and not pending.done:
            self._recover()
            self._lock.wait(this_frame(), time.monotonic() + _LOOK_AGAIN)
        return not pending.done

    def _commit_or_fail(self, kept: Hold | None) -> None:
        """Commit a group of what waits; it fails if another process is writing for too long."""
        hold = self._lock.acquire(this_frame()) if kept is None else self._lock.inherit(kept, this_frame())
        if hold is None:
            return
        if hold.torn:
            self._mend()
        verbs = self._next_verbs()
        group = self._run(hold, verbs, _patience())
        if group is None:
            group = Group(verbs, hold)
            group.error = _busy()
        self._finish(group)

    def _finish_kept(self, group: Group) -> None:
        """`_finish`, in the thread; nothing if somebody else has gone on, since the thread was late."""
        hold = self._lock.inherit(group.hold, this_frame())
        if hold is not None:
            group.hold = hold
            self._finish(group)

    def _read(self, read: Callable[[sqlite3.Connection], R], first: bool) -> R:
        hold = self._have_lock(this_frame(), first)
        if hold.torn:
            self._mend()
        try:
            found = read(self._connection().sql)
        except TaskError:
            self._let_go(hold)
            raise
        self._let_go(hold)
        return found

    def _close(self) -> None:
        hold = self._have_lock(this_frame())
        if hold.torn:
            self._mend()
        self._close_connection()
        if self._thread is not None:
            self._thread.shutdown(wait=False)
        self._thread = None
        self._let_go(hold)

    def _have_lock(self, frame: FrameType, first: bool = False) -> Hold:
        acquire = self._lock.acquire_first if first else self._lock.acquire
        hold = self._lock.try_acquire(frame) or acquire(frame, _patience())
        if hold is None:
            raise _busy()
        return hold

    def _next_verbs(self) -> list[Pending[Any]]:
        """The verbs that come next. They go on waiting until they are settled. The lock is held."""
        self._drop_settled()
        waiting = self._waiting
        first = [waiting[index] for index in range(min(len(waiting), _GROUP))]
        return [one for one in first if not one.settled]

    def _drop_settled(self) -> None:
        while self._waiting and self._waiting[0].settled:
            self._waiting.popleft()

    def _run(self, hold: Hold, verbs: list[Pending[Any]], until: float = 0.0) -> Group | None:
        """Run these in one transaction, left open. The lock is held.

        None, nothing done, if another process is writing until then (monotonic).
        """
        self._group = group = Group(verbs, hold)
        try:
            tx = self._connection().begin(durable=group.durable, until=until)
            if tx is None:
                self._group = None
                return None
            group.run(tx, self._complete)
        except sqlite3.Error as error:
            group.error = as_store_error(error)
        except StoreError as error:
            group.error = error
        return group

    def _finish(self, group: Group) -> None:
        """Commit the group, hand over the outcomes, let go of the lock, and say what happened."""
        if group.error is None and not group.committed:
            self._commit(group)
        if group.committed:
            self._sync(group)
        else:
            self._undo(group)
        if group.error is not None:
            group.fail(group.error)
        self._answer(group)
        self._let_go(group.hold)
        self._ended(group.error)
        if group.interruption is not None:
            raise group.interruption

    def _commit(self, group: Group) -> None:
        try:
            self._connection().commit(group.committed)
        except sqlite3.Error as error:
            group.error = as_store_error(error)
        except StoreError as error:
            group.error = error

    def _sync(self, group: Group) -> None:
        if group.durable and not group.synced and group.error is None:
            begun = time.perf_counter()
            try:
                self._connection().sync()
            except StoreError as error:
                group.error = error
            if running_loop() is not None:
                self._place.took(time.perf_counter() - begun)
        group.synced = True

    def _answer(self, group: Group) -> None:
        if group.committed:
            self._untold[group] = None
        hand_over(group.verbs)
        self._group = None
        self._drop_settled()

    def _let_go(self, hold: Hold) -> None:
        """Let go of the lock, and say what happened; also of others who were interrupted before they could."""
        self._lock.release(hold)
        for group in list(self._untold):
            if group.hold is not hold:
                if group.hold.lasts():
                    continue  # it is being told
                group.hold = hold
            if group.tx is not None and group.may_be_told():
                self._tell(group.tx)
            self._untold.pop(group, None)
        hold.end()

    def _mend(self) -> None:
        """Put right what was left by the call that had the lock before, which was interrupted. The lock is held."""
        group = self._group
        if group is not None and group.committed:
            self._sync(group)
            if group.error is not None:
                group.fail(group.error)
            self._answer(group)
            return
        self._undo(group)
        if self._opened is not None and self._opened.is_file:
            # Statements that somebody still holds, as a traceback may, would keep the connection at an old state.
            self._close_connection()
        if group is not None:
            group.undone()
        self._group = None

    def _recover(self) -> None:
        """Put right what this call left when it was interrupted, unless another has the lock: that one does."""
        hold = self._lock.try_acquire(this_frame())
        if hold is not None:
            if hold.torn:
                self._mend()
            self._let_go(hold)

    def _undo(self, group: Group | None) -> None:
        try:
            if self._opened is not None:
                self._opened.roll_back()
        except sqlite3.Error:
            _log.exception("a transaction cannot be rolled back, so the database is closed, which undoes it too")
            self._close_connection()
        if group is not None and group.tx is not None:
            self._undone(group.tx)

    def _in_thread(self, hold: Hold, work: Callable[..., None], *args: Any) -> None:
        """Have the thread go on, which takes over the lock, and lets go of it in the end."""
        hold.keep(_HANDED_OVER)
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
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()


def _patience() -> float:
    """Until when (monotonic) a call waits that begins now."""
    return time.monotonic() + (_PATIENCE if running_loop() is None else _PATIENCE_ON_LOOP)


def _busy() -> Busy:
    if running_loop() is None:
        return Busy(f"the database is locked by another process, since {_PATIENCE:g} s or more: end what locks it")
    return Busy(
        f"the database is locked by another process, since {_PATIENCE_ON_LOOP:g} s or more, and this call blocks an "
        f"event loop: await an async client instead, or call in a thread, which waits for {_PATIENCE:g} s"
    )
