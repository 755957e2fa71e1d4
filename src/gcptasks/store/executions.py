"""Executions of jobs in the database: which are due, and which attempts begin."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gcptasks.base.names import JobName
from gcptasks.engine.job_model import Execution, Job, JobState, PubsubMessage
from gcptasks.engine.model import AppEngineRequest, HttpRequest
from gcptasks.store.job_rows import EXECUTION_COLUMNS, JOB_COLUMNS, Row, execution_of, job_of
from gcptasks.store.jobs import StoredJob
from gcptasks.store.statements import Statements
from gcptasks.store.times import from_us, maybe_us, to_us

_AT_ONCE = 1024
"""Bytes of a body that is read when its attempt begins; one that is larger is read when it is sent.

Fewer than of a task, since no queue limits how many attempts of jobs begin at once.
"""
_IDS = "(SELECT value FROM json_each(?))"
_SENT_COLUMNS = f"id, length(body), iif(length(body) <= {_AT_ONCE}, body, NULL), {JOB_COLUMNS}"
_JOBS = "jobs LEFT JOIN job_bodies ON job_bodies.job = jobs.id"
_SCHEDULED = "SELECT 1 FROM executions WHERE executions.job = jobs.id AND NOT forced"
_WAITS = "due_at IS NOT NULL AND attempts > 0"
_DUE_JOBS = (
    f"SELECT EXISTS ({_SCHEDULED} AND NOT ({_WAITS})), EXISTS ({_SCHEDULED} AND {_WAITS}), {_SENT_COLUMNS} "
    f"FROM {_JOBS} WHERE next_at IS NOT NULL AND next_at <= ? ORDER BY next_at LIMIT ?"
)
_UNSURE = (
    f"SELECT id, {JOB_COLUMNS} FROM jobs WHERE id > ? AND state = '{JobState.ENABLED}' "
    "AND (next_at IS NULL OR next_at > ? AND (interval_us IS NOT NULL OR time_zone != 'UTC')) ORDER BY id LIMIT ?"
)
_SET_TIMES = "UPDATE jobs SET next_at = ?, last_attempt_at = coalesce(?, last_attempt_at) WHERE id = ?"
_INSERT = (
    "INSERT INTO executions (job, scheduled_at, forced, attempts, first_attempt_at, due_at) VALUES (?, ?, ?, ?, ?, ?)"
)
_BEGIN = (
    "UPDATE executions SET attempts = attempts + 1, first_attempt_at = coalesce(first_attempt_at, ?), due_at = NULL "
    "WHERE id IN (SELECT id FROM executions WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?) "
    f"RETURNING id, job, {EXECUTION_COLUMNS}"
)
_ATTEMPTED = f"UPDATE jobs SET last_attempt_at = ? WHERE id IN {_IDS}"
_BEGUN_JOBS = f"SELECT {_SENT_COLUMNS} FROM {_JOBS} WHERE id IN {_IDS}"
_UNDER_WAY = (
    f"SELECT executions.id, jobs.id, {EXECUTION_COLUMNS}, {JOB_COLUMNS} "
    "FROM executions JOIN jobs ON jobs.id = job WHERE due_at IS NULL"
)
_FIND = f"{_UNDER_WAY} AND executions.id = ?"
_ALL_UNDER_WAY = f"{_UNDER_WAY} AND executions.id > ? ORDER BY executions.id LIMIT ?"
_ANSWERED = "UPDATE jobs SET status = ?, next_at = ? WHERE id = ?"
_SUCCEEDED = f"UPDATE jobs SET status = 0 WHERE id IN {_IDS} AND status != 0"
_WAIT = "UPDATE executions SET due_at = ? WHERE id = ?"
_END = f"DELETE FROM executions WHERE id IN {_IDS} RETURNING id"
_GIVE_BACK = (
    "UPDATE executions SET attempts = attempts - 1, due_at = ?, "
    "first_attempt_at = iif(attempts = 1, NULL, first_attempt_at) WHERE id = ? AND due_at IS NULL"
)
_END_OF_PAUSED = (
    "DELETE FROM executions WHERE id = ? AND NOT forced "
    f"AND EXISTS (SELECT 1 FROM jobs WHERE id = job AND state = '{JobState.PAUSED}')"
)
_NEXT_JOB = "SELECT min(next_at) FROM jobs WHERE next_at IS NOT NULL"
_NEXT_ATTEMPT = "SELECT min(due_at) FROM executions WHERE due_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class SentJob:
    """A job as an attempt of it is sent."""

    number: int
    job: Job
    """Without the body, if that is `unread`."""
    unread: int
    """Bytes of the body that are in the database still, since they are many."""


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job whose time has come."""

    sent: SentJob
    running: bool
    """Whether a scheduled execution of it is under way, or is about to be."""
    retrying: bool
    """Whether one waits for its retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An execution whose next attempt begins."""

    number: int
    sent: SentJob
    execution: Execution
    """As stored from now on: this attempt is counted."""

    @property
    def job(self) -> Job:
        return self.sent.job

    @property
    def name(self) -> JobName:
        return self.sent.job.name

    @property
    def owner(self) -> str:
        """Whose part of the memory for large bodies it takes: its worker's, so that one that hangs harms no other."""
        match self.sent.job.target:
            case HttpRequest(url=url):
                # Not parsed: whether it is a URL at all turns out when it is sent.
                return re.split("[/?#]", url, maxsplit=3)[2]
            case AppEngineRequest(routing=routing):
                return f"App Engine {routing}"
            case PubsubMessage(topic=topic):
                return topic

    @property
    def unread(self) -> int:
        return self.sent.unread


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An execution whose attempt began, and has not ended as far as the database knows."""

    number: int
    stored: StoredJob
    """Without the body."""
    execution: Execution


class Executions:
    """Due jobs and their executions as one transaction sees them."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def next_due(self, *, attempts: bool) -> datetime | None:
        """When the next job is due, or the next of the `attempts`; None if none is."""
        asked = (_NEXT_JOB, _NEXT_ATTEMPT) if attempts else (_NEXT_JOB,)
        found = [self._sql.execute(query).fetchone()[0] for query in asked]
        return min((from_us(at) for at in found if at is not None), default=None)

    def due_jobs(self, now: datetime, limit: int) -> list[DueJob]:
        """Up to `limit` jobs whose time has come, the longest due first."""
        rows = self._sql.execute(_DUE_JOBS, (to_us(now), limit)).fetchall()
        return [DueJob(_sent(row[2:]), bool(row[0]), bool(row[1])) for row in rows]

    def unsure_jobs(self, after: int, now: datetime, limit: int) -> list[StoredJob]:
        """Up to `limit` jobs with greater numbers that have no next time, or whose next time may be another by now.

        Without their bodies. Fixed times of UTC are what they are, and those that have come are due.
        """
        rows = self._sql.execute(_UNSURE, (after, to_us(now), limit)).fetchall()
        return [StoredJob(number, job_of(tuple(columns), None, None)) for number, *columns in rows]

    def set_times(self, times: Iterable[tuple[int, datetime | None, datetime | None]]) -> None:
        """Set the next scheduled time of these jobs, by number, and when they were attempted last, if they were now."""
        self._sql.executemany(_SET_TIMES, [(maybe_us(next_at), maybe_us(last), job) for job, next_at, last in times])

    def add(self, job: int, execution: Execution, due_at: datetime) -> None:
        """Have a first attempt of that execution made then."""
        self._insert(job, execution, to_us(due_at))

    def add_begun(self, sent: SentJob, execution: Execution) -> Begun:
        """Keep an execution whose first attempt begins."""
        return Begun(number=self._insert(sent.number, execution, None), sent=sent, execution=execution)

    def begin(self, now: datetime, limit: int) -> list[Begun]:
        """Count the next attempts of up to `limit` executions that wait and are due, the longest due first."""
        at = to_us(now)
        rows = self._sql.execute(_BEGIN, (at, at, limit)).fetchall()
        if not rows:
            return []
        numbers = json.dumps([row[1] for row in rows])
        self._sql.execute(_ATTEMPTED, (at, numbers))
        jobs = {row[0]: _sent(row) for row in self._sql.execute(_BEGUN_JOBS, (numbers,))}
        rows.sort(key=lambda row: (row[2], row[0]))
        return [Begun(number=row[0], sent=jobs[row[1]], execution=execution_of(row[2:])) for row in rows]

    def under_way(self, number: int) -> UnderWay | None:
        """That execution, if its attempt has not ended; None if its job is gone, too."""
        row = self._sql.execute(_FIND, (number,)).fetchone()
        return None if row is None else _under_way(row)

    def all_under_way(self, after: int, limit: int) -> list[UnderWay]:
        """Up to `limit` of those whose attempt has not ended, behind the one with that number."""
        return [_under_way(row) for row in self._sql.execute(_ALL_UNDER_WAY, (after, limit))]

    def keep_answer(self, job: StoredJob) -> None:
        """Keep how an attempt ended, and what comes of it for the job's next time."""
        self._sql.execute(_ANSWERED, (job.job.status_code, maybe_us(job.job.next_at), job.number))

    def keep_success(self, jobs: Sequence[int]) -> None:
        """Keep that attempts of these jobs succeeded, which changes nothing else."""
        self._sql.execute(_SUCCEEDED, (json.dumps(jobs),))

    def wait(self, number: int, until: datetime) -> None:
        """Have the execution's next attempt made then."""
        self._sql.execute(_WAIT, (to_us(until), number))

    def end(self, numbers: Sequence[int]) -> set[int]:
        """These executions are over; which of them were there."""
        return {number for (number,) in self._sql.execute(_END, (json.dumps(numbers),)).fetchall()}

    def give_back(self, number: int, due_at: datetime) -> None:
        """Take the attempt under way for none, and have it made then, unless its job was paused meanwhile."""
        self._sql.execute(_GIVE_BACK, (to_us(due_at), number))
        self._sql.execute(_END_OF_PAUSED, (number,))

    def _insert(self, job: int, execution: Execution, due_at: int | None) -> int:
        first_at = maybe_us(execution.first_attempt_at)
        row = (job, to_us(execution.scheduled_at), execution.forced, execution.attempts, first_at, due_at)
        number = self._sql.execute(_INSERT, row).lastrowid
        assert number is not None
        return number


def _sent(row: Row) -> SentJob:
    number, length, body, *columns = row
    return SentJob(number, job_of(tuple(columns), body, None), length if length and body is None else 0)


def _under_way(row: Row) -> UnderWay:
    return UnderWay(row[0], StoredJob(row[1], job_of(row[6:], None, None)), execution_of(row[2:6]))
