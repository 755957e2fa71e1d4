"""What becomes of open databases when the process forks.

SQLite keeps the locks that a process has on a file in the memory of that process, which a fork copies. So a child that
has inherited an open connection believes that it holds locks which it does not hold, and writes into a log that its
parent may delete. Hence no connection to a file goes along: before the fork nobody may use the databases any more and
the connections to files are closed, and afterwards both sides open their own when they need them.
"""

import os
import threading
import time
import weakref
from pathlib import Path
from typing import Protocol

_PATIENCE = 5.0
"""Seconds that a fork waits for those who use the databases."""


class Forkable(Protocol):
    """A store, as a fork sees it."""

    @property
    def file(self) -> Path | None:
        """The database's real path; None if it is in memory."""
        ...

    @property
    def file_is_open(self) -> bool:
        """Whether there may be a connection to the file, though `close_before_fork` was called."""
        ...

    def close_before_fork(self, until: float) -> None:
        """Keep everybody from the database and close its file, if that is possible until then (monotonic)."""
        ...

    def go_on_after_fork(self) -> None:
        """In the parent: let others have the database again."""
        ...

    def begin_anew_after_fork(self, *, spoilt: bool) -> None:
        """In the child: have connections of one's own; or refuse every call, if one of the parent's came along."""
        ...


_stores: "weakref.WeakSet[Forkable]" = weakref.WeakSet()
_one_at_a_time = threading.Lock()
"""Two threads may fork at once: what one has closed, the other must not open."""


def see_through_forks(store: Forkable) -> None:
    """Close the store's file before each fork."""
    _stores.add(store)


def _before() -> None:
    _one_at_a_time.acquire()
    until = time.monotonic() + _PATIENCE
    for store in list(_stores):
        store.close_before_fork(until)


def _after_in_parent() -> None:
    for store in list(_stores):
        store.go_on_after_fork()
    _one_at_a_time.release()


def _after_in_child() -> None:
    stores = list(_stores)
    # Another store on the same file shares the locks that came along.
    spoilt = {store.file for store in stores if store.file_is_open}
    for store in stores:
        store.begin_anew_after_fork(spoilt=store.file in spoilt)
    _one_at_a_time.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
