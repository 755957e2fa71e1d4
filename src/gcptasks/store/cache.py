"""What is remembered of the database from one transaction to the next, so that it need not be read again."""

import sqlite3

from gcptasks.base.names import QueueName
from gcptasks.store.connection import data_version
from gcptasks.store.queues import StoredQueue


class Cache:
    """What a connection remembers of its database; true only within a transaction of it, after `refresh`."""

    def __init__(self) -> None:
        self.queues: dict[QueueName, StoredQueue] = {}
        self.numbers: tuple[int, int] | None = None
        """The key of made ids, and the next number of a task."""
        self._version: int | None = None

    def refresh(self, connection: sqlite3.Connection) -> bool:
        """Forget what another process may have changed, and say whether one wrote at all.

        A transaction is open, so none can change it from here on.
        """
        version = data_version(connection)
        if version == self._version:
            return False
        self.forget()
        self._version = version
        return True

    def forget(self) -> None:
        """Forget everything, since what was remembered may have been undone."""
        self.queues.clear()
        self.numbers = None
