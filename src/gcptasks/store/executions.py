"""Executions of jobs in the database: which are due, and which attempts begin."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from gcptasks.base.names import JobName
from gcptasks.engine.job_model import Execution, Job
from gcptasks.store.job_rows import EXECUTION_COLUMNS, JOB_COLUMNS, execution_of, job_of
from gcptasks.store.jobs import RETRY_AT, StoredJob, stored_job
from gcptasks.store.times import from_us, maybe_us, to_us

_WITH_THE_LEASE = 16 * 1024
"""Bytes of a body that is read when its attempt begins; one that is larger is read when it is sent."""
_BEGUN_COLUMNS = ", ".join(
    f"iif(length(body) <= {_WITH_THE_LEASE}, body, x'')" if column == "body" else column
    for column in JOB_COLUMNS.split(", ")
)
_WITHOUT_BODY = JOB_COLUMNS.replace(" body,", " x'',")
_RUNNING = "EXISTS (SELECT 1 FROM executions WHERE job = jobs.id AND NOT forced)"
_DUE_JOBS = (
    f"SELECT {_RUNNING}, id, {RETRY_AT}, {_WITHOUT_BODY} FROM jobs "
    "WHERE next_at IS NOT NULL AND next_at <= ? ORDER BY next_at LIMIT ?"
)
_SET_NEXT = "UPDATE jobs SET next_at = ? WHERE id = ?"
_INSERT = "INSERT INTO executions (job, scheduled_at, forced, due_at) VALUES (?, ?, ?, ?)"
_BEGIN = (
    "UPDATE executions SET attempts = attempts + 1, first_attempt_at = coalesce(first_attempt_at, ?), due_at = NULL "
    "WHERE id IN (SELECT id FROM executions WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?) "
    f"RETURNING id, job, {EXECUTION_COLUMNS}"
)
_ATTEMPTED = "UPDATE jobs SET last_attempt_at = ? WHERE id = ?"
_BEGUN_JOB = f"SELECT length(body), {_BEGUN_COLUMNS} FROM jobs WHERE id = ?"
_FIND = f"SELECT job, {EXECUTION_COLUMNS} FROM executions WHERE id = ? AND due_at IS NULL"
_JOB = f"SELECT id, {RETRY_AT}, {_WITHOUT_BODY} FROM jobs WHERE id = ?"
_ANSWERED = "UPDATE jobs SET status = ?, next_at = ? WHERE id = ?"
_WAIT = "UPDATE executions SET due_at = ? WHERE id = ?"
_END = "DELETE FROM executions WHERE id = ?"
_GIVE_BACK = "UPDATE executions SET attempts = attempts - 1, due_at = ? WHERE id = ? AND due_at IS NULL"
_UNDER_WAY = f"SELECT id, job, {EXECUTION_COLUMNS} FROM executions WHERE due_at IS NULL AND id > ? ORDER BY id LIMIT ?"
_BODY = "SELECT body FROM jobs WHERE id = ?"
_NEXT_JOB = "SELECT min(next_at) FROM jobs WHERE next_at IS NOT NULL"
_NEXT_ATTEMPT = "SELECT min(due_at) FROM executions WHERE due_at IS NOT NULL"
_INTERVALS = f"SELECT id, {RETRY_AT}, {_WITHOUT_BODY} FROM jobs WHERE interval_us IS NOT NULL AND next_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job whose time has come."""

    stored: StoredJob
    """Without its body."""
    running: bool
    """Whether a scheduled execution of it is not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An execution whose next attempt begins."""

    number: int
    job_number: int
    job: Job
    """Without the body, if that is `unread`."""
    execution: Execution
    """As stored from now on: this attempt is counted."""
    unread: int
    """Bytes of the body that are in the database still, since they are many."""

    @property
    def name(self) -> JobName:
        return self.job.name

    @property
    def owner(self) -> JobName:
        """Whose part of the memory for large bodies it takes."""
        return self.job.name


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An execution whose attempt began, and has not ended as far as the database knows."""

    number: int
    stored: StoredJob
    """Without its body."""
    execution: Execution


class Executions:
    """Due jobs and their executions as one transaction sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def next_due(self, *, attempts: bool) -> datetime | None:
        """When the next job is due, or the next of the `attempts`; None if none is."""
        asked = (_NEXT_JOB, _NEXT_ATTEMPT) if attempts else (_NEXT_JOB,)
        found = [self._sql.execute(query).fetchone()[0] for query in asked]
        return min((from_us(at) for at in found if at is not None), default=None)

    def due_jobs(self, now: datetime, limit: int) -> list[DueJob]:
        """Up to `limit` jobs whose time has come, the longest due first."""
        rows = self._sql.execute(_DUE_JOBS, (to_us(now), limit)).fetchall()
        return [DueJob(stored_job(row[1:]), bool(row[0])) for row in rows]

    def set_next(self, number: int, at: datetime | None) -> None:
        """Set the next scheduled time of that job."""
        self._sql.execute(_SET_NEXT, (maybe_us(at), number))

    def add(self, job: int, execution: Execution, due_at: datetime) -> None:
        """Have a first attempt of that execution made then."""
        self._sql.execute(_INSERT, (job, to_us(execution.scheduled_at), execution.forced, to_us(due_at)))

    def begin(self, now: datetime, limit: int) -> list[Begun]:
        """Count the next attempts of up to `limit` executions that are due, the longest due first."""
        at = to_us(now)
        rows = self._sql.execute(_BEGIN, (at, at, limit)).fetchall()
        self._sql.executemany(_ATTEMPTED, [(at, row[1]) for row in rows])
        rows.sort(key=lambda row: (row[2], row[0]))
        begun: list[Begun] = []
        for number, job_number, *columns in rows:
            length, *job = self._sql.execute(_BEGUN_JOB, (job_number,)).fetchone()
            begun.append(
                Begun(
                    number=number,
                    job_number=job_number,
                    job=job_of(tuple(job), None),
                    execution=execution_of(tuple(columns)),
                    unread=length if length > _WITH_THE_LEASE else 0,
                )
            )
        return begun

    def under_way(self, number: int) -> UnderWay | None:
        """That execution, if its attempt has not ended; None if its job is gone, too."""
        row = self._sql.execute(_FIND, (number,)).fetchone()
        if row is None:
            return None
        job = self._job(row[0])
        return None if job is None else UnderWay(number, job, execution_of(row[1:]))

    def all_under_way(self, after: int, limit: int) -> list[UnderWay]:
        """Up to `limit` of those whose attempt has not ended, behind the one with that number."""
        rows = self._sql.execute(_UNDER_WAY, (after, limit)).fetchall()
        found = [(row, self._job(row[1])) for row in rows]
        return [UnderWay(row[0], job, execution_of(row[2:])) for row, job in found if job is not None]

    def keep_answer(self, job: StoredJob) -> None:
        """Keep how an attempt ended, and what comes of it for the job's next time."""
        self._sql.execute(_ANSWERED, (job.job.status_code, maybe_us(job.job.next_at), job.number))

    def wait(self, number: int, until: datetime) -> None:
        """Have the execution's next attempt made then."""
        self._sql.execute(_WAIT, (to_us(until), number))

    def end(self, number: int) -> None:
        """The execution is over."""
        self._sql.execute(_END, (number,))

    def give_back(self, number: int, due_at: datetime) -> None:
        """Take the attempt under way for none, and have it made then."""
        self._sql.execute(_GIVE_BACK, (to_us(due_at), number))

    def body(self, job: int) -> bytes | None:
        """The body of that job; None if it is gone."""
        row = self._sql.execute(_BODY, (job,)).fetchone()
        return None if row is None else row[0]

    def intervals(self) -> list[StoredJob]:
        """The jobs that count from the end of the run before, as far as they have a next time; without bodies."""
        return [stored_job(row) for row in self._sql.execute(_INTERVALS)]

    def _job(self, number: int) -> StoredJob | None:
        row = self._sql.execute(_JOB, (number,)).fetchone()
        return None if row is None else stored_job(row)
