"""The connection that writes, and the life of a transaction on it."""

import itertools
import sqlite3
import weakref
from pathlib import Path

from gcptasks.base.errors import StoreError
from gcptasks.store.cache import Cache
from gcptasks.store.connection import Synchronous, data_version, is_busy, leave_to_parent
from gcptasks.store.database import Database
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
        self._synchronous = synchronous
        self._syncing: bool | None = None
        self._number = next(_numbers)
        self._turns = Turns(Database(path).turn_path)
        # It is for `Turns` to wait.
        connection.execute("PRAGMA busy_timeout = 0")
        self._cache = Cache()
        # What is in memory stays until nobody has the store any more; Python 3.13 warns of one left open.
        self._closing = weakref.finalize(self, connection.close)

    def begin(self, *, durable: bool, until: float) -> Tx | None:
        """A transaction, whose commit is synced if `durable`; None if another process writes until then (monotonic)."""
        self._durable = durable
        syncing = durable and self._synchronous == "full"
        if syncing is not self._syncing:
            self.sql.execute("PRAGMA synchronous = FULL" if syncing else "PRAGMA synchronous = NORMAL")
            self._syncing = syncing
        waited = not (self._turns.ours() and self._begun())
        if waited and not self._turns.wait(self._begun, until):
            return None
        if not self._cache.refresh(self.sql) and waited:
            self._turns.nobody_wrote()
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

    def commit(self, committed: list[object]) -> None:
        """Commit, which puts something into `committed`, in one step with it, between which nothing can come.

        `StoreError`, and nothing is, if it were durable in a file that is no longer at its path.
        """
        if self._durable and self._path is not None and _file_at(self._path) != self._file:
            raise StoreError(
                f"the database {self._path} was deleted or replaced while it was in use, so nothing more is written: "
                "put the file back, or restart this service to go on with what is there now"
            )
        committed.extend(map(self.sql.execute, _COMMIT))
        self._turns.ended()

    def roll_back(self) -> None:
        """Undo the transaction, if there is one still: SQLite ends some by itself."""
        self._cache.forget()
        self.sql.rollback()

    def data_version(self) -> DataVersion:
        return self._number, data_version(self.sql)

    def close(self) -> None:
        """Close the database, which undoes what is not committed."""
        self._turns.leave()
        self._closing()

    def forked(self) -> None:
        """In a forked child: leave the connection alone, even unclosed."""
        self._turns.forked()
        self._closing.detach()
        leave_to_parent(self.sql)


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file is there now; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
