"""The connection that reads: one call at a time, on a file that the writer has opened before."""

import math
import sqlite3
import weakref
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from gcptasks.base.errors import TaskError
from gcptasks.base.running_call import this_frame
from gcptasks.store.connection import leave_to_parent
from gcptasks.store.loop_lock import UNTIL_AFTER_FORK, Hold, LoopLock

R = TypeVar("R")


class Reader:
    """Hands a connection of its own to whoever reads."""

    def __init__(self, open_connection: Callable[[], sqlite3.Connection]) -> None:
        self._open = open_connection
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._lock = LoopLock()
        self._kept_for_fork: Hold | None = None
        self._opened: sqlite3.Connection | None = None
        self._closing: weakref.finalize[[], Reader] | None = None

    @property
    def is_closed_for_fork(self) -> bool:
        """Whether nothing is open and nobody may open it: a thread that is opening it has the lock as well."""
        return self._kept_for_fork is not None and self._opened is None

    def read(self, run: Callable[[sqlite3.Connection], R]) -> R:
        """What `run` finds on the connection."""
        hold = self._have_lock(this_frame())
        try:
            found = run(self._connection())
        except TaskError:
            self._let_go(hold)
            raise
        except BaseException:
            # Statements that somebody still holds, as a traceback may, would keep the connection at an old state.
            self._close()
            raise
        self._let_go(hold)
        return found

    def close(self) -> None:
        """Close the file, which is opened again when used again."""
        hold = self._have_lock(this_frame())
        self._close()
        self._let_go(hold)

    def close_before_fork(self, until: float) -> None:
        """Let nobody read until after the fork, and close the file, unless somebody reads until then (monotonic)."""
        self._kept_for_fork = hold = self._lock.acquire_first(this_frame(), until)
        if hold is not None:
            hold.keep(UNTIL_AFTER_FORK)
            self._close()

    def go_on_after_fork(self) -> None:
        """In the parent: let others read again."""
        hold, self._kept_for_fork = self._kept_for_fork, None
        if hold is not None:
            self._let_go(hold)

    def begin_anew_after_fork(self) -> None:
        """In the child: leave what is still open to the parent, and begin with nothing."""
        if self._closing is not None:
            self._closing.detach()
        if self._opened is not None:
            leave_to_parent(self._opened)
        self._start_afresh()

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            opened = self._open()
            # As that of the writer: Python 3.13 warns of a connection that was left open.
            self._closing = weakref.finalize(self, opened.close)
            self._opened = opened
        return self._opened

    def _have_lock(self, frame: FrameType) -> Hold:
        # A thread that reads without pause would leave no moment to an event loop that waits here.
        hold = self._lock.try_acquire(frame) or self._lock.acquire_first(frame, math.inf)
        assert hold is not None
        if hold.torn:
            self._close()
        return hold

    def _let_go(self, hold: Hold) -> None:
        self._lock.release(hold)
        hold.end()

    def _close(self) -> None:
        self._opened = None
        if self._closing is not None:
            self._closing()
