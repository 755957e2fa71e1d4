"""Which of the processes on one database file delivers: the holder of an operating-system lock.

The lock is on a file of its own beside the database. It ends with its process, however that ends, and a forked child
does not keep it.
"""

import fcntl
import os
import threading
import weakref
from pathlib import Path

from gcptasks.base.errors import StoreError
from gcptasks.store.lock_file import open_lock_file


class LeaderLock:
    """The right to deliver from a database; with no path, as for one in memory, it is always ours."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        _locks.add(self)

    def take(self) -> bool:
        """Take the lead, if nobody else has it; whether it is ours now."""
        if self._path is None or self._file is not None:
            return True
        with _taking:
            return self._try(self._path)

    def release(self) -> None:
        """Let another process take the lead."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _try(self, path: Path) -> bool:
        try:
            file = open_lock_file(path)
        except OSError as error:
            raise StoreError(f"the lock file {path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            if isinstance(error, BlockingIOError):
                return False
            raise StoreError(f"the lock file {path} cannot be locked: {error.strerror}") from error
        self._file = file
        return True


_taking = threading.RLock()
"""No fork comes while a lock is taken: the child would share a file that it does not know of, and the lock with it."""
_locks: "weakref.WeakSet[LeaderLock]" = weakref.WeakSet()


def _after_fork() -> None:
    # The lock belongs to the open file, which parent and child share: it lasts while either has it open.
    for lock in list(_locks):
        lock.release()
    _taking.release()


os.register_at_fork(before=_taking.acquire, after_in_parent=_taking.release, after_in_child=_after_fork)
