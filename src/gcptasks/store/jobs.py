"""Jobs in the database, by name."""

from dataclasses import dataclass

from gcptasks.base.names import JobName, LocationName
from gcptasks.engine.job_model import Job
from gcptasks.store.job_rows import JOB_COLUMNS, Row, job_of, job_row
from gcptasks.store.statements import Statements

# An execution that was begun and has a time waits for its retry (CS-118).
_RETRY_AT = "(SELECT min(due_at) FROM executions WHERE job = jobs.id AND attempts > 0)"
_BODY = "(SELECT body FROM job_bodies WHERE job = jobs.id)"
_WHOLE = f"id, {_RETRY_AT}, {_BODY}, {JOB_COLUMNS}"
_FIND = f"SELECT {_WHOLE} FROM jobs WHERE name = ?"
_NUMBERED = f"SELECT {_WHOLE} FROM jobs WHERE id = ?"
_PAGE = (
    f"SELECT length(target) + ifnull(length({_BODY}), 0) + length(description), {_WHOLE} FROM jobs "
    "WHERE name > ? AND name < ? ORDER BY name LIMIT ?"
)
_VALUES = ", ".join("?" * len(JOB_COLUMNS.split(",")))
_INSERT = f"INSERT INTO jobs ({JOB_COLUMNS}) VALUES ({_VALUES})"
_UPDATE = f"UPDATE jobs SET ({JOB_COLUMNS}) = ({_VALUES}) WHERE id = ?"
_PUT_BODY = (
    "INSERT INTO job_bodies (job, body) VALUES (?, ?) "
    "ON CONFLICT (job) DO UPDATE SET body = excluded.body WHERE body != excluded.body"
)
_DROP_BODY = "DELETE FROM job_bodies WHERE job = ?"
_DELETE = "DELETE FROM jobs WHERE id = ?"
# Of what is under way nothing is left either: it is not recalled, and finds no job when it ends.
_END_ALL = "DELETE FROM executions WHERE job = ?"
_END_RETRIES = f"{_END_ALL} AND due_at IS NOT NULL AND attempts > 0"
_END_UNASKED = f"{_END_ALL} AND due_at IS NOT NULL AND NOT (forced AND attempts = 0)"


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job and its number in the database, which no other ever gets."""

    number: int
    job: Job


class Jobs:
    """The jobs as one transaction sees them."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def find(self, name: JobName) -> StoredJob | None:
        return self._one(_FIND, str(name))

    def numbered(self, number: int) -> StoredJob | None:
        return self._one(_NUMBERED, number)

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
            found.append(_stored(row[1:]).job)
        return found

    def insert(self, job: Job) -> None:
        row, body = job_row(job)
        number = self._sql.execute(_INSERT, row).lastrowid
        if body:
            self._sql.execute(_PUT_BODY, (number, body))

    def save(self, stored: StoredJob) -> None:
        row, body = job_row(stored.job)
        self._sql.execute(_UPDATE, (*row, stored.number))
        if body:
            self._sql.execute(_PUT_BODY, (stored.number, body))
        else:
            self._sql.execute(_DROP_BODY, (stored.number,))

    def delete(self, number: int) -> None:
        """Drop the job, and its executions (CS-037)."""
        for statement in (_END_ALL, _DROP_BODY, _DELETE):
            self._sql.execute(statement, (number,))

    def end_unasked(self, number: int) -> None:
        """Make no more attempts of the executions that wait, but the first of those that RunJob asked for."""
        self._sql.execute(_END_UNASKED, (number,))

    def end_retries(self, number: int) -> None:
        """Make no more attempts of the executions that wait for a retry."""
        self._sql.execute(_END_RETRIES, (number,))

    def _one(self, query: str, key: str | int) -> StoredJob | None:
        row = self._sql.execute(query, (key,)).fetchone()
        return None if row is None else _stored(row)


def _stored(row: Row) -> StoredJob:
    number, retry_at, body, *columns = row
    return StoredJob(number, job_of(tuple(columns), body, retry_at))
