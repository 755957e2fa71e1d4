"""The statements of one transaction, and new tasks that wait to be written by a single one.

Each statement costs more than what SQLite does in it: sqlite3 lets go of the interpreter at each, and a thread that
wants it takes it then. So new tasks wait until somebody runs another statement, or the transaction ends, and are
written together; and a verb of which nothing else is asked gets no savepoint.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from gcptasks.engine.model import Task
from gcptasks.store.rows import Row

_COLUMNS = (
    *("id", "queue", "task_id", "scheduled_at", "created_at", "method", "url", "headers", "body", "token"),
    *("app_engine_routing", "deadline_us", "retry"),
    *("dispatch_count", "first_dispatched_at", "attempt_scheduled_at", "attempt_dispatched_at"),
)
_NOT_BEGUN: Row = (0, None, None, None)
_ROW = f"({', '.join('?' * len(_COLUMNS))})"
# Few different statements, which sqlite3 keeps; the first has as many values as each SQLite takes.
_AT_ONCE = tuple(
    (rows, f"INSERT INTO tasks ({', '.join(_COLUMNS)}) VALUES {', '.join([_ROW] * rows)}")
    for rows in (32, 16, 8, 4, 2, 1)
)


@dataclass(slots=True)
class NewTask:
    """A task that waits to be written."""

    number: int
    task: Task
    row: Row
    """The columns from `id` to `retry`."""
    attempt: Row = _NOT_BEGUN
    """The columns of its first attempt, which may begin with it."""


class Statements:
    """Runs statements on a connection. The new tasks that wait are written before, so that each finds them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.new: list[NewTask] = []
        """The tasks that wait."""
        self._before = 0
        """How many of them are of verbs that are kept already."""
        self._unmarked = False
        """Whether a verb runs that has no savepoint yet."""
        self._ready = True
        """Whether there is nothing to do before the next statement."""

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        if not self._ready:
            self._make_ready()
        return self._connection.execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Any]) -> sqlite3.Cursor:
        if not self._ready:
            self._make_ready()
        return self._connection.executemany(statement, rows)

    def add_task(self, task: NewTask) -> None:
        """Have it written with the next statement."""
        self.new.append(task)
        self._ready = False

    def begin_verb(self) -> None:
        """What comes may be undone."""
        self._before = len(self.new)
        self._unmarked = True
        self._ready = False

    def keep_verb(self) -> None:
        """Keep what was done since the verb began."""
        if self._unmarked:
            self._unmarked = False
            self._ready = not self.new
        else:
            self._connection.execute("RELEASE verb")

    def undo_verb(self) -> None:
        """Undo what was done since the verb began."""
        del self.new[self._before :]
        if not self._unmarked:
            self._connection.execute("ROLLBACK TO verb")
        self.keep_verb()

    def write_tasks(self) -> None:
        """Write the tasks that wait; no verb runs any more."""
        if self.new:
            self._make_ready()

    def _make_ready(self) -> None:
        tasks, self.new = self.new, []
        self._insert(tasks[: self._before])
        if self._unmarked:
            self._connection.execute("SAVEPOINT verb")
            self._unmarked = False
        self._insert(tasks[self._before :])
        self._before = 0
        self._ready = True

    def _insert(self, tasks: list[NewTask]) -> None:
        done = 0
        for size, statement in _AT_ONCE:
            while len(tasks) - done >= size:
                rows = [task.row + task.attempt for task in tasks[done : done + size]]
                self._connection.execute(statement, tuple(chain.from_iterable(rows)))
                done += size
