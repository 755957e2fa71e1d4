"""What the dispatcher asks of the database: which tasks are due, and which attempts begin."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gcptasks.base.names import QueueName, TaskName, parse_queue
from gcptasks.engine.leased_record import LeasedRecord
from gcptasks.engine.model import Queue, QueueState, Task
from gcptasks.store.due import Due
from gcptasks.store.queues import StoredQueue
from gcptasks.store.rows import TASK_COLUMNS, Row, task_of
from gcptasks.store.statements import Statements
from gcptasks.store.task_numbers import TaskNumbers
from gcptasks.store.times import to_us

_DUE = (
    "SELECT scheduled_at, id FROM tasks WHERE queue = ? AND (scheduled_at, id) > (?, ?) AND scheduled_at <= ? "
    "ORDER BY scheduled_at, id LIMIT ?"
)
WITH_THE_LEASE = 16 * 1024
"""Bytes of a body that is read when its task is leased; one that is larger is read when it is sent."""
_LEASED_COLUMNS = TASK_COLUMNS.replace(" body,", f" iif(length(body) <= {WITH_THE_LEASE}, body, x''),")
# The rule is engine.tasks.dispatched; written so, it costs one statement for any number of tasks.
_LEASE = (
    "UPDATE tasks SET dispatch_count = dispatch_count + 1, "
    "first_dispatched_at = coalesce(first_dispatched_at, ?), "
    "attempt_scheduled_at = scheduled_at, attempt_dispatched_at = ?, attempt_responded_at = NULL "
    # What a purge left behind belongs to no queue.
    "WHERE id IN (SELECT value FROM json_each(?)) AND scheduled_at <= ? "
    "AND EXISTS (SELECT 1 FROM queues WHERE queues.id = queue) "
    f"RETURNING id, queue, task_id, length(body), {_LEASED_COLUMNS}"
)
_CUT_OFF = (
    f"SELECT id, queue, task_id, length(body), {_LEASED_COLUMNS} FROM tasks "
    "WHERE id IN (SELECT value FROM json_each(?)) AND queue = ? "
    "AND attempt_dispatched_at <= ? AND attempt_responded_at IS NULL"
)
# What the lease wrote over cannot be had back: a task that was attempted before shows the time of this attempt.
_UNCOUNT = (
    "UPDATE tasks SET dispatch_count = dispatch_count - 1, "
    "first_dispatched_at = iif(dispatch_count = 1, NULL, first_dispatched_at), "
    "attempt_scheduled_at = iif(dispatch_count = 1, NULL, attempt_scheduled_at), "
    "attempt_dispatched_at = iif(dispatch_count = 1, NULL, attempt_dispatched_at) "
    "WHERE id = ? AND dispatch_count > 0"
)
_BODY = "SELECT body FROM tasks WHERE id = ? AND EXISTS (SELECT 1 FROM queues WHERE queues.id = queue)"
_STATE = "SELECT state FROM queues JOIN tasks ON queue = queues.id WHERE tasks.id = ?"
_FORCED = (
    "SELECT forced.id, forced.task, queues.name FROM forced "
    "JOIN tasks ON tasks.id = task JOIN queues ON queues.id = queue ORDER BY forced.id LIMIT ?"
)
_NEW = "SELECT queue, scheduled_at, id FROM tasks WHERE id > ? ORDER BY id LIMIT ?"
_LAST = "SELECT next_number - 1 FROM meta"
# One look at the index for each queue that runs, however many tasks it has.
_QUEUES_DUE = (
    f"SELECT id FROM queues WHERE id > ? AND id <= ? AND state = '{QueueState.RUNNING.value}' AND EXISTS "
    "(SELECT 1 FROM tasks WHERE queue = queues.id AND scheduled_at > ? AND scheduled_at <= ?)"
)
_FAR = 2**62


@dataclass(slots=True, kw_only=True)
class Leased:
    """A task whose attempt begins."""

    number: int
    task: Task
    """As stored from now on: this attempt is counted. Without the body, if that is `unread`."""
    unread: int
    """Bytes of its body that are in the database still, since they are many."""
    queue: Queue
    previous_status: int | None
    """The HTTP status of the attempt before, if one was answered."""
    forced: bool = False
    """RunTask asked for it, so the limits of the queue do not count it."""
    started: bool = False
    """Whether it was handed to whoever delivers it."""
    record: LeasedRecord | None = None
    """That of a task whose worker is in this process, if it was begun with the lease."""

    @property
    def name(self) -> TaskName:
        return self.task.name

    @property
    def owner(self) -> QueueName:
        """Whose part of the memory for large bodies it takes."""
        return self.queue.name


class Forced(NamedTuple):
    """A task that RunTask asked for."""

    number: int
    queue: QueueName


class Leases:
    """Due tasks and beginning attempts as one transaction sees them."""

    def __init__(self, statements: Statements, numbers: TaskNumbers) -> None:
        self._sql = statements
        self._numbers = numbers

    def due(self, queue: StoredQueue, after: Due, until: int, limit: int) -> list[Due]:
        """Up to `limit` tasks of the queue that come after `after` and are due at `until` or earlier, in that order."""
        rows = self._sql.execute(_DUE, (queue.number, after.at, after.number, until, limit))
        return [Due(*row) for row in rows]

    def queues_due(self, after: int, until: int, first: int = 0, last: int = _FAR) -> list[int]:
        """The numbers of the queues that run and have tasks which are due within that time.

        Only of queues behind number `first` and up to `last`.
        """
        return [number for (number,) in self._sql.execute(_QUEUES_DUE, (first, last, after, until))]

    def last_number(self) -> int:
        """The number of the newest task, though it may be gone."""
        return int(self._sql.execute(_LAST).fetchone()[0])

    def newer(self, number: int, limit: int) -> list[tuple[int, Due]]:
        """Up to `limit` tasks that are newer than the one with that number, each with the number of its queue."""
        return [(row[0], Due(row[1], row[2])) for row in self._sql.execute(_NEW, (number, limit))]

    def begin(
        self, queues: Iterable[StoredQueue], numbers: list[int], now: datetime, *, forced: bool = False
    ) -> list[Leased]:
        """Count the attempts of these tasks of these queues that begin: those that are there and due (or `forced`)."""
        at = to_us(now)
        rows = self._sql.execute(_LEASE, (at, at, str(numbers), _FAR if forced else at)).fetchall()
        if len(rows) > 1:
            place = {number: index for index, number in enumerate(numbers)}
            rows.sort(key=lambda row: place[row[0]])
        queue_of = {stored.number: stored for stored in queues}
        return [self._leased(queue_of[row[1]], row, forced) for row in rows]

    def cut_off(self, queue: StoredQueue, numbers: list[int], before: datetime) -> list[Leased]:
        """Those of these tasks of the queue whose last attempt began before then and has not ended, as leased then."""
        rows = self._sql.execute(_CUT_OFF, (str(numbers), queue.number, to_us(before))).fetchall()
        return [self._leased(queue, row, forced=False) for row in rows]

    def body(self, number: int) -> bytes | None:
        """The body of that task; None if it is gone."""
        row = self._sql.execute(_BODY, (number,)).fetchone()
        return None if row is None else row[0]

    def state_of_queue(self, number: int) -> QueueState | None:
        """The state of that task's queue; None if the task is gone."""
        row = self._sql.execute(_STATE, (number,)).fetchone()
        return None if row is None else QueueState(row[0])

    def uncount(self, numbers: list[int]) -> None:
        """Take the last attempt of each of these tasks for none."""
        self._sql.executemany(_UNCOUNT, [(number,) for number in numbers])

    def force(self, number: int) -> None:
        """Ask for an attempt of that task at once (RunTask), if it is there still."""
        self._sql.execute("INSERT INTO forced (task) SELECT id FROM tasks WHERE id = ?", (number,))

    def take_forced(self, limit: int) -> list[Forced]:
        """Up to `limit` of the tasks that RunTask asked for, in order; asked again, only later ones come."""
        rows = self._sql.execute(_FORCED, (limit,)).fetchall()
        if rows:
            self._sql.execute("DELETE FROM forced WHERE id <= ?", (max(row[0] for row in rows),))
        return [Forced(row[1], parse_queue(row[2])) for row in rows]

    def _leased(self, stored: StoredQueue, row: Row, forced: bool) -> Leased:
        queue = stored.queue
        task_id = row[2] or self._numbers.id_of(stored.first_number, row[0])
        return Leased(
            number=row[0],
            task=task_of(queue.name, task_id, row[4:]),
            unread=row[3] if row[3] > WITH_THE_LEASE else 0,
            queue=queue,
            # The last column is the status of the attempt before, until this one is answered.
            previous_status=row[-1],
            forced=forced,
        )
