"""The file of the write-ahead log, and the sync after which a power cut takes nothing of what was committed.

SQLite would sync within COMMIT. Ours only writes there, so that what is committed can be begun while the disk syncs.
"""

import errno
import os
import sqlite3
import weakref
from pathlib import Path

from gcptasks.base.errors import DiskFull, StoreError
from gcptasks.store.connection import store_errors

_FULL = (errno.ENOSPC, errno.EDQUOT)
sync_file = getattr(os, "fdatasync", os.fsync)


class LogFile:
    """The log of a database of which this process has a connection, as long as that is open.

    It is opened beside SQLite, which no other file of a database may be: closing a file drops the locks that the
    process has on it, and SQLite's locks are on the database and on the log's index, never on the log.
    """

    def __init__(self, database: Path) -> None:
        self._path = os.path.realpath(database) + "-wal"
        self._opened: int | None = None
        self._closing: weakref.finalize[..., LogFile] | None = None
        self._doubtful = False

    def sync(self, connection: sqlite3.Connection) -> None:
        """Return once all that `connection` committed would survive a power cut; `StoreError` if the disk fails."""
        if self._doubtful:
            self._begin_anew(connection)
        try:
            sync_file(self._file())
        except OSError as error:
            self._doubtful = True
            said = f"{self._path} cannot be synced"
            if error.errno in _FULL:
                raise DiskFull(f"the disk of the database is full, so {said}; free some space") from error
            raise StoreError(f"the database cannot be used: {said}: disk I/O error") from error

    def close(self) -> None:
        """Close it, before SQLite may remove it."""
        self._opened = None
        if self._closing is not None:
            self._closing()
            self._closing = None

    def _file(self) -> int:
        if self._opened is None:
            self._opened = os.open(self._path, os.O_RDWR)
            self._closing = weakref.finalize(self, os.close, self._opened)
        return self._opened

    def _begin_anew(self, connection: sqlite3.Connection) -> None:
        """Have nothing in the log of which a sync failed: the next would succeed, though it is not on the disk."""
        with store_errors():
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(f"the database cannot be used: {self._path} could not be synced, and is in use")
        self._doubtful = False
