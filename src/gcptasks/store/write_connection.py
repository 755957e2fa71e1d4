"""The connection that writes, and the life of a transaction on it."""

import itertools
import os
import sqlite3
import weakref
from pathlib import Path

from gcptasks.base.errors import StoreError
from gcptasks.store.cache import Cache
from gcptasks.store.connection import Synchronous, data_version, is_busy, leave_to_parent
from gcptasks.store.database import Database
from gcptasks.store.log_file import LogFile
from gcptasks.store.turns import Turns
from gcptasks.store.tx import Tx

_COMMIT = ("COMMIT",)

DataVersion = tuple[int, int]
"""The number of a connection, and what SQLite counts on it; two connections may count alike, whatever was written."""

_numbers = itertools.count()


class WriteConnection:
    """An open database that one at a time writes to: whoever has the writer's lock.

    With the `path` of its file, what is durable is committed only while that file is still the one at the path: in one
    that was deleted, it would be gone with this process.
    """

    def __init__(self, connection: sqlite3.Connection, synchronous: Synchronous, path: Path | None = None) -> None:
        self.sql = connection
        self._path = path
        self._file = None if path is None else _file_at(path)
        self._durable = False
        self._changes = 0
        """What the connection had changed when the transaction began."""
        self._log = LogFile(path) if path is not None and synchronous == "full" else None
        self._number = next(_numbers)
        self._turns = Turns(Database(path).turn_path)
        # It is for `Turns` to wait, and for `LogFile` to sync.
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA synchronous = NORMAL")
        self._cache = Cache()
        # What is in memory stays until nobody has the store any more; Python 3.13 warns of one left open.
        self._closing = weakref.finalize(self, connection.close)

    def begin(self, *, durable: bool, until: float) -> Tx | None:
        """A transaction, to be synced after its commit if `durable`; None if another process writes until then.

        `until` is of the monotonic clock.
        """
        self._durable = durable
        waited = not (self._turns.ours() and self._begun())
        if waited and not self._turns.wait(self._begun, until):
            return None
        if not self._cache.refresh(self.sql) and waited:
            self._turns.nobody_wrote()
        self._changes = self.sql.total_changes
        return Tx(self.sql, self._cache)

    def _begun(self) -> bool:
        try:
            self.sql.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if not is_busy(error):
                raise
            return False
        return True

    @property
    def is_file(self) -> bool:
        return self._path is not None

    @property
    def syncs(self) -> bool:
        """Whether what is durable waits for the disk."""
        return self._log is not None

    def commit(self, committed: list[object]) -> None:
        """Commit, which puts something into `committed`, in one step with it, between which nothing can come.

        A process that is killed loses nothing of it; a power cut may, until it is synced. `StoreError`, and nothing
        is, if it were durable in a file that is no longer at its path.
        """
        if self._durable and self._path is not None and _file_at(self._path) != self._file:
            raise StoreError(
                f"the database {self._path} was deleted or replaced while it was in use, so nothing more is written: "
                "put the file back, or restart this service to go on with what is there now"
            )
        committed.extend(map(self.sql.execute, _COMMIT))
        self._turns.ended()

    def sync(self) -> None:
        """Return once a power cut takes nothing of what was committed; `StoreError` if that cannot be had.

        Then what was committed is there, and may be gone after a power cut.
        """
        if self._log is not None and self.sql.total_changes != self._changes:
            self._log.sync(self.sql)

    def roll_back(self) -> None:
        """Undo the transaction, if there is one still: SQLite ends some by itself."""
        self._cache.forget()
        self.sql.rollback()

    def data_version(self) -> DataVersion:
        return self._number, data_version(self.sql)

    def close(self) -> None:
        """Close the database, which undoes what is not committed."""
        self._turns.leave()
        if self._log is not None:
            self._log.close()
        self._closing()

    def forked(self) -> None:
        """In a forked child: leave the connection alone, even unclosed."""
        self._turns.forked()
        if self._log is not None:
            self._log.close()
        self._closing.detach()
        leave_to_parent(self.sql)


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file is there now; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # pathlib's takes twice as long, and it is asked at each commit
    except OSError:
        return None
    return found.st_dev, found.st_ino
