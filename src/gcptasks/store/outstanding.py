"""What is not done yet: tasks and executions, looked for and counted."""

from datetime import datetime
from typing import NamedTuple

from gcptasks.engine.model import QueueState
from gcptasks.store.statements import Statements
from gcptasks.store.times import from_us, to_us

# From the queues to their tasks: what a purge left behind has no queue, and would be walked through otherwise.
_OF = "(? IS NULL OR queues.name = ?)"
_TASKS = f"EXISTS (SELECT 1 FROM queues WHERE {_OF} AND EXISTS (SELECT 1 FROM tasks WHERE queue = queues.id))"
_DUE = (
    f"EXISTS (SELECT 1 FROM queues WHERE {_OF} AND state = '{QueueState.RUNNING.value}' "
    "AND EXISTS (SELECT 1 FROM tasks WHERE queue = queues.id AND scheduled_at <= ?))"
)
_FORCED = (
    f"EXISTS (SELECT 1 FROM forced JOIN tasks ON tasks.id = task JOIN queues ON queues.id = tasks.queue WHERE {_OF})"
)
_EXECUTIONS = "EXISTS (SELECT 1 FROM executions)"
_DUE_EXECUTIONS = (
    "EXISTS (SELECT 1 FROM executions WHERE due_at IS NULL) OR EXISTS (SELECT 1 FROM executions WHERE due_at <= ?)"
)
_DUE_JOBS = "EXISTS (SELECT 1 FROM jobs WHERE next_at <= ?)"
_QUEUES = (
    "SELECT name, state, (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE queue = queues.id LIMIT :most)), "
    "(SELECT count(*) FROM (SELECT 1 FROM tasks WHERE queue = queues.id AND scheduled_at <= :now LIMIT :most)), "
    "(SELECT min(scheduled_at) FROM tasks WHERE queue = queues.id) "
    "FROM queues WHERE (:queue IS NULL OR name = :queue) "
    "AND EXISTS (SELECT 1 FROM tasks WHERE queue = queues.id) ORDER BY name LIMIT :limit"
)
_JOBS = (
    "SELECT name, count(*), sum(due_at IS NULL OR due_at <= :now), min(due_at) "
    "FROM executions JOIN jobs ON jobs.id = job GROUP BY job ORDER BY name LIMIT :limit"
)


class QueueLeft(NamedTuple):
    """A queue with tasks in it."""

    name: str
    state: QueueState
    tasks: int
    due: int
    """How many of these could start now, as far as time goes, or have started."""
    next_at: datetime
    """When the first of them is due."""


class JobLeft(NamedTuple):
    """A job with executions that are not over."""

    name: str
    executions: int
    due: int
    """How many of these make an attempt now, or are about to."""
    next_at: datetime | None
    """When the first of those that wait makes its next attempt."""


class Outstanding:
    """What is not done yet, as one transaction sees it: of all queues and jobs, or of one queue."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def has_any(self, queue: str | None) -> bool:
        """Whether there is a task, or an execution of a job that is not over."""
        if self._holds(_TASKS, queue, queue):
            return True
        return queue is None and self._holds(_EXECUTIONS)

    def has_due(self, queue: str | None, now: datetime) -> bool:
        """Whether something is to be started now, or has started and is not over, as far as the database tells.

        It does not tell of tasks that were started before their time, or are gone since, or whose queue was paused.
        """
        at = to_us(now)
        if self._holds(_DUE, queue, queue, at) or self._holds(_FORCED, queue, queue):
            return True
        return queue is None and (self._holds(_DUE_EXECUTIONS, at) or self._holds(_DUE_JOBS, at))

    def queues(self, queue: str | None, now: datetime, limit: int, most: int) -> list[QueueLeft]:
        """Up to `limit` queues with tasks, in the order of their names; tasks are counted up to `most`."""
        values = {"queue": queue, "now": to_us(now), "limit": limit, "most": most}
        rows = self._sql.execute(_QUEUES, values)
        return [QueueLeft(row[0], QueueState(row[1]), row[2], row[3], from_us(row[4])) for row in rows]

    def jobs(self, now: datetime, limit: int) -> list[JobLeft]:
        """Up to `limit` jobs with executions that are not over, in the order of their names."""
        rows = self._sql.execute(_JOBS, {"now": to_us(now), "limit": limit})
        return [JobLeft(row[0], row[1], row[2], None if row[3] is None else from_us(row[3])) for row in rows]

    def _holds(self, condition: str, *values: str | int | None) -> bool:
        return bool(self._sql.execute(f"SELECT {condition}", values).fetchone()[0])
