"""Tasks in the database, by name and by number."""

from datetime import datetime
from typing import NamedTuple

from gcptasks.base.names import TaskName, parse_queue
from gcptasks.engine.model import Task
from gcptasks.store.due import Due
from gcptasks.store.queues import StoredQueue
from gcptasks.store.rows import TASK_COLUMNS, attempt_row, new_task_row, task_of
from gcptasks.store.statements import NewTask, Statements
from gcptasks.store.task_numbers import TaskNumbers
from gcptasks.store.times import to_us

_BY_NUMBER = f"SELECT id, task_id, {TASK_COLUMNS} FROM tasks WHERE id = ? AND queue = ? AND task_id IS NULL"
_BY_NAME = f"SELECT id, task_id, {TASK_COLUMNS} FROM tasks WHERE queue = ? AND task_id = ?"
_BY_NUMBER_WITHOUT_BODY = _BY_NUMBER.replace(" body,", " x'',")
_BY_NAME_WITHOUT_BODY = _BY_NAME.replace(" body,", " x'',")
_PAGE = (
    f"SELECT length(headers) + length(url) + length(body), id, task_id, {TASK_COLUMNS} FROM tasks "
    "WHERE queue = ? AND (scheduled_at, id) > (?, ?) ORDER BY scheduled_at, id LIMIT ?"
)
_PAGE_WITHOUT_BODIES = _PAGE.replace(" + length(body)", "").replace(" body,", " x'',")
_RETRY = (
    "UPDATE tasks SET (scheduled_at, response_count, attempt_scheduled_at, attempt_dispatched_at, "
    "attempt_responded_at, attempt_status) = (?, ?, ?, ?, ?, ?) WHERE id = ?"
)
# What a purge left behind belongs to no queue, and is gone already.
_DELETE = (
    "DELETE FROM tasks WHERE id IN (SELECT value FROM json_each(?)) AND EXISTS "
    "(SELECT 1 FROM queues WHERE queues.id = queue) RETURNING id, queue, task_id"
)
_OLDEST = (
    "SELECT tasks.id, created_at, coalesce(first_id, queue), task_id, name FROM tasks JOIN queues ON queues.id = queue "
    "ORDER BY tasks.id LIMIT ?"
)
_BLOCK = "INSERT OR REPLACE INTO blocked_tasks SELECT coalesce(first_id, id), ?, ? FROM queues WHERE id = ?"
_IS_BLOCKED = (
    "SELECT 1 FROM blocked_tasks WHERE queue = ? AND task_id = ? AND until > ? "
    "UNION ALL SELECT 1 FROM leftovers JOIN tasks ON tasks.queue = leftovers.queue "
    "WHERE leftovers.first_id = ? AND task_id = ? AND names_until > ? LIMIT 1"
)


_IS_TAKEN = (
    f"SELECT 1 FROM tasks WHERE queue = ? AND task_id = ? UNION ALL {_IS_BLOCKED.replace('SELECT 1', 'SELECT 0')}"
)


class StoredTask(NamedTuple):
    """A task and its number in the database."""

    number: int
    task: Task

    @property
    def due(self) -> Due:
        """Where the task stands in the order of when tasks are due."""
        return Due(to_us(self.task.scheduled_at), self.number)


class Tasks:
    """The tasks as one transaction sees them."""

    def __init__(self, statements: Statements, numbers: TaskNumbers) -> None:
        self._sql = statements
        self._numbers = numbers

    def new_number(self) -> int:
        return self._numbers.new()

    def made_name(self, queue: StoredQueue, number: int) -> TaskName:
        """The name of the unnamed task with that number."""
        return TaskName(queue.queue.name, self._numbers.id_of(queue.first_number, number))

    def insert(self, queue: StoredQueue, number: int, task: Task, *, named: bool) -> None:
        row = (number, queue.number, task.name.task if named else None, *new_task_row(task))
        self._sql.add_task(NewTask(number, task, row))

    @property
    def unwritten(self) -> list[NewTask]:
        """The new tasks that nothing else was done about in this transaction, in order."""
        return self._sql.new

    def find(self, queue: StoredQueue, task_id: str, *, body: bool = True) -> StoredTask | None:
        row = self._sql.execute(_BY_NAME if body else _BY_NAME_WITHOUT_BODY, (queue.number, task_id)).fetchone()
        if row is None and (number := self._numbers.number_of(queue.first_number, task_id)) is not None:
            query = _BY_NUMBER if body else _BY_NUMBER_WITHOUT_BODY
            row = self._sql.execute(query, (number, queue.number)).fetchone()
        return None if row is None else StoredTask(row[0], task_of(queue.queue.name, task_id, row[2:]))

    def taken(self, queue: StoredQueue, task_id: str, now: datetime) -> bool | None:
        """True if a task of that name is there, False if one `existed`, None if the name can be used."""
        if self._numbers.number_of(queue.first_number, task_id) is not None:
            return self.find(queue, task_id) is not None
        values = (queue.first_number, task_id, to_us(now))
        row = self._sql.execute(_IS_TAKEN, (queue.number, task_id, *values, *values)).fetchone()
        return None if row is None else bool(row[0])

    def existed(self, queue: StoredQueue, task_id: str, now: datetime) -> bool:
        """Whether a task of that name is gone too recently for the name to be used again (CT-129, CT-136)."""
        values = (queue.first_number, task_id, to_us(now))
        if self._sql.execute(_IS_BLOCKED, values * 2).fetchone() is not None:
            return True
        return self._numbers.number_of(queue.first_number, task_id) is not None

    def page(self, queue: StoredQueue, after: Due, limit: int, size: int, *, bodies: bool) -> list[StoredTask]:
        """Tasks of the queue that come after `after`, in the order of when they are due, without bodies unless asked.

        Up to `limit` of them, and as many as `size` bytes hold, or one.
        """
        name = queue.queue.name
        found: list[StoredTask] = []
        query = _PAGE if bodies else _PAGE_WITHOUT_BODIES
        for row in self._sql.execute(query, (queue.number, after.at, after.number, limit)):
            size -= row[0]
            if size < 0 and found:
                break
            task_id = row[2] or self._numbers.id_of(queue.first_number, row[1])
            found.append(StoredTask(row[1], task_of(name, task_id, row[3:])))
        return found

    def save_retry(self, number: int, task: Task) -> None:
        """Keep what a failed attempt has changed."""
        assert task.last_attempt is not None
        values = (to_us(task.scheduled_at), task.response_count, *attempt_row(task.last_attempt), number)
        self._sql.execute(_RETRY, values)

    def delete(self, numbers: list[int], blocked_until: datetime) -> set[int]:
        """Drop the tasks, their names blocked until then; the numbers of those that were still there."""
        gone = self._sql.execute(_DELETE, (str(numbers),)).fetchall()
        named = [(task_id, to_us(blocked_until), queue) for _, queue, task_id in gone if task_id is not None]
        if named:
            self._sql.executemany(_BLOCK, named)
        return {row[0] for row in gone}

    def created_before(self, when: datetime, limit: int) -> dict[int, TaskName]:
        """The numbers and names of up to `limit` tasks that are older than that."""
        # Numbers are given in the order of creation, so the old ones come first.
        oldest = self._sql.execute(_OLDEST, (limit,))
        return {
            number: TaskName(parse_queue(name), task_id or self._numbers.id_of(queue, number))
            for number, created_at, queue, task_id, name in oldest
            if created_at < to_us(when)
        }

    def unblock(self, now: datetime, limit: int) -> int:
        """Set free up to `limit` names whose block has ended; how many there were."""
        query = (
            "DELETE FROM blocked_tasks WHERE (queue, task_id) IN "
            "(SELECT queue, task_id FROM blocked_tasks WHERE until <= ? LIMIT ?)"
        )
        return self._sql.execute(query, (to_us(now), limit)).rowcount
