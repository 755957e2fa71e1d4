"""The connection that writes, and the life of a transaction on it."""

import sqlite3
import weakref

from gcptasks.store.cache import Cache
from gcptasks.store.connection import Synchronous, data_version, leave_to_parent
from gcptasks.store.tx import Tx


class WriteConnection:
    """An open database that one at a time writes to: whoever has the writer's lock."""

    def __init__(self, connection: sqlite3.Connection, synchronous: Synchronous) -> None:
        self.sql = connection
        self._synchronous = synchronous
        self._syncing: bool | None = None
        self._patience_ms = -1
        self._cache = Cache()
        # What is in memory stays until nobody has the store any more; Python 3.13 warns of one left open.
        self._closing = weakref.finalize(self, connection.close)

    def begin(self, *, durable: bool, patience_ms: int) -> Tx:
        """A transaction, whose commit is synced if `durable`; busy if another process writes for longer than that."""
        syncing = durable and self._synchronous == "full"
        if syncing is not self._syncing:
            self.sql.execute("PRAGMA synchronous = FULL" if syncing else "PRAGMA synchronous = NORMAL")
            self._syncing = syncing
        if patience_ms != self._patience_ms:
            self.sql.execute(f"PRAGMA busy_timeout = {patience_ms}")
            self._patience_ms = patience_ms
        self.sql.execute("BEGIN IMMEDIATE")
        self._cache.refresh(self.sql)
        return Tx(self.sql, self._cache)

    def commit(self) -> None:
        self.sql.execute("COMMIT")

    def roll_back(self) -> None:
        """Undo the transaction, if there is one still: SQLite ends some by itself."""
        self._cache.forget()
        self.sql.rollback()

    def data_version(self) -> int:
        return data_version(self.sql)

    def close(self) -> None:
        """Close the database, which undoes what is not committed."""
        self._closing()

    def forked(self) -> None:
        """In a forked child: leave the connection alone, even unclosed."""
        self._closing.detach()
        leave_to_parent(self.sql)
