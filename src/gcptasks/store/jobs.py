"""Jobs in the database, by name."""

import sqlite3
from dataclasses import dataclass

from gcptasks.base.names import JobName, LocationName
from gcptasks.engine.job_model import Job
from gcptasks.store.job_rows import JOB_COLUMNS, Row, job_of, job_row

# An execution that was begun and has a time waits for its retry (CS-118).
RETRY_AT = "(SELECT min(due_at) FROM executions WHERE job = jobs.id AND attempts > 0)"

_FIND = f"SELECT id, {RETRY_AT}, {JOB_COLUMNS} FROM jobs WHERE name = ?"
_PAGE = (
    f"SELECT length(target) + length(body) + length(description), {RETRY_AT}, {JOB_COLUMNS} FROM jobs "
    "WHERE name > ? AND name < ? ORDER BY name LIMIT ?"
)
_VALUES = ", ".join("?" * len(JOB_COLUMNS.split(",")))
_INSERT = f"INSERT INTO jobs ({JOB_COLUMNS}) VALUES ({_VALUES})"
_UPDATE = f"UPDATE jobs SET ({JOB_COLUMNS}) = ({_VALUES}) WHERE id = ?"
_DELETE = "DELETE FROM jobs WHERE id = ?"
# What is under way is not recalled, and finds no job when it ends.
_END_WAITING = "DELETE FROM executions WHERE job = ? AND due_at IS NOT NULL"
_END_RETRIES = f"{_END_WAITING} AND attempts > 0"


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job and its number in the database, which no other ever gets."""

    number: int
    job: Job


class Jobs:
    """The jobs as one transaction sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def find(self, name: JobName) -> StoredJob | None:
        row = self._sql.execute(_FIND, (str(name),)).fetchone()
        return None if row is None else stored_job(row)

    def page(self, location: LocationName, after: str, limit: int, size: int) -> list[Job]:
        """The jobs of the location whose full name comes after `after`, in the order of names.

        Up to `limit` of them, and as many as `size` bytes hold, or one.
        """
        first = f"{location}/jobs/"
        found: list[Job] = []
        # "0" is the character after "/": every name in between begins with `first`.
        for row in self._sql.execute(_PAGE, (max(first, after), f"{location}/jobs0", limit)):
            size -= row[0]
            if size < 0 and found:
                break
            found.append(job_of(row[2:], row[1]))
        return found

    def insert(self, job: Job) -> None:
        self._sql.execute(_INSERT, job_row(job))

    def save(self, stored: StoredJob) -> None:
        self._sql.execute(_UPDATE, (*job_row(stored.job), stored.number))

    def delete(self, number: int) -> None:
        """Drop the job, and what waits to be run of it (CS-037)."""
        self.end_waiting(number)
        self._sql.execute(_DELETE, (number,))

    def end_waiting(self, number: int) -> None:
        """Make no more attempts of the executions that wait for one."""
        self._sql.execute(_END_WAITING, (number,))

    def end_retries(self, number: int) -> None:
        """Make no more attempts of the executions that wait for a retry."""
        self._sql.execute(_END_RETRIES, (number,))


def stored_job(row: Row) -> StoredJob:
    """The job of a row of its number, its retry's time and `JOB_COLUMNS`."""
    return StoredJob(row[0], job_of(row[2:], row[1]))
