"""Tasks of queues that were purged or deleted: gone for all who ask, and dropped from the file bit by bit.

To drop many rows takes long, and holds up all who write. So a purge or a deletion only notes the number of the queue
that they are kept under, which no queue has any more. Nobody finds a task but by its queue, so in the same moment they
are gone for every verb and every process. Who sweeps drops the rows, some at a time, also after a restart.

The names of what was purged stay blocked: `Tasks.existed` looks for them here too, until they are dropped and noted.
"""

from collections.abc import Callable
from datetime import datetime

from gcptasks.store.statements import Statements
from gcptasks.store.task_records import Tagged
from gcptasks.store.times import to_us

# A deletion comes after what was purged before, so that it frees the names of all.
_NEXT = "SELECT first_id, queue, names_until FROM leftovers ORDER BY first_id, queue LIMIT 1"
_SOME = "SELECT id FROM tasks WHERE queue = ? LIMIT ?"
_BLOCK = (
    "INSERT OR REPLACE INTO blocked_tasks SELECT ?, task_id, ? FROM tasks "
    "WHERE id IN (SELECT value FROM json_each(?)) AND task_id IS NOT NULL"
)
_FREE = (
    "DELETE FROM blocked_tasks WHERE queue = ? AND task_id IN "
    "(SELECT task_id FROM blocked_tasks WHERE queue = ? LIMIT ?)"
)


class Leftovers:
    """What is left behind, as one transaction sees it."""

    def __init__(self, statements: Statements, tagged: Callable[[list[int]], list[Tagged]]) -> None:
        self._sql = statements
        self._tagged = tagged

    def drop(self, now: datetime, limit: int) -> list[Tagged] | None:
        """Drop up to `limit` tasks, and as many blocks of names; None if there was nothing.

        Returns which of the tasks had records.
        """
        row = self._sql.execute(_NEXT).fetchone()
        if row is None:
            return None
        first_id, queue, names_until = row
        numbers = [number for (number,) in self._sql.execute(_SOME, (queue, limit))]
        tagged = self._tagged(numbers)
        self._drop_tasks(first_id, numbers, names_until, now)
        names = self._sql.execute(_FREE, (first_id, first_id, limit)).rowcount if names_until is None else 0
        if len(numbers) < limit and names < limit:
            self._sql.execute("DELETE FROM leftovers WHERE first_id = ? AND queue = ?", (first_id, queue))
        return tagged

    def _drop_tasks(self, first_id: int, numbers: list[int], names_until: int | None, now: datetime) -> None:
        if names_until is not None and names_until > to_us(now):
            self._sql.execute(_BLOCK, (first_id, names_until, str(numbers)))
        for table, column in (("forced", "task"), ("tasks", "id")):
            self._sql.execute(
                f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (str(numbers),)
            )
