"""Operations that are done, as they were told."""

from datetime import datetime

from gcptasks.base.names import OperationName
from gcptasks.store.statements import Statements
from gcptasks.store.times import to_us


class Operations:
    """The operations of batches, for as long as they are kept."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def find(self, name: OperationName) -> bytes | None:
        """The operation's message, or None."""
        row = self._sql.execute("SELECT message FROM operations WHERE name = ?", (str(name),)).fetchone()
        return None if row is None else bytes(row[0])

    def add(self, name: OperationName, done_at: datetime, message: bytes) -> None:
        """Keep the operation, whose name must be new."""
        self._sql.execute("INSERT INTO operations VALUES (?, ?, ?)", (str(name), to_us(done_at), message))

    def drop_before(self, at: datetime, limit: int) -> int:
        """Drop some of those that were done before; how many."""
        return self._sql.execute(
            "DELETE FROM operations WHERE name IN (SELECT name FROM operations WHERE done_at < ? LIMIT ?)",
            (to_us(at), limit),
        ).rowcount
