"""Records of tasks in the database: one row for each.

Their numbers grow in the order in which they were made, or made anew, so that the newest are found without an index
of times. How long a record stays is in its row, since it is the service that ends the record of a task that it gives
up, and the store of results that knows for how long.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from gcptasks.engine.leased_record import LeasedRecord
from gcptasks.engine.task_records import (
    FRESH_FOR,
    RECORD_HEADER,
    Started,
    Succeeded,
    TaskRecord,
    TaskStatus,
    task_suffix,
)
from gcptasks.store.record_rows import (
    NEW_RECORD_COLUMNS,
    RECORD_COLUMNS,
    AskedRecord,
    Row,
    json_text,
    new_record_row,
    outcome,
    record_of,
    record_row,
)
from gcptasks.store.statements import Statements
from gcptasks.store.times import maybe_us, to_us

_SHOWN = RECORD_COLUMNS.replace(" result,", " NULL,")
_FIND = f"SELECT keep_us, {RECORD_COLUMNS} FROM task_records WHERE id = ? AND expires_at > ?"
_FIND_MANY = (
    f"SELECT {RECORD_COLUMNS} FROM task_records WHERE id IN (SELECT value FROM json_each(?)) AND expires_at > ?"
)
_VERSIONS = "SELECT id, version FROM task_records WHERE id IN (SELECT value FROM json_each(?)) AND expires_at > ?"
_INSERT = f"INSERT OR REPLACE INTO task_records (keep_us, sweep_at, {RECORD_COLUMNS}) VALUES ({', '.join('?' * 20)})"
_ADD = (
    f"INSERT OR REPLACE INTO task_records (keep_us, created_at, version, expires_at, sweep_at, {NEW_RECORD_COLUMNS}, "
    f"run, status, attempt) VALUES ({', '.join('?' * 11)}, 1, '{TaskStatus.QUEUED.value}', 0)"
)
_SAVE = (
    "UPDATE task_records SET (confirmed, status, attempt, started_at, finished_at, heard_at, expires_at, progress, "
    "result, error, version) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?"
)
_IS_OPEN = f"status NOT IN ({', '.join(repr(status.value) for status in TaskStatus if status.final)})"
_IS_OF_TASK = "(? = '' OR substr(task_name, -length(?)) = ?)"
"""Of what the task's name ends with, three times."""
# The rules are those of engine.task_records, written so that each of the two events that every task has is one
# statement, which reads no result.
_START = (
    f"UPDATE task_records SET status = '{TaskStatus.RUNNING.value}', attempt = attempt + 1, confirmed = 1, "
    "started_at = coalesce(started_at, ?), heard_at = ?, progress = NULL, version = version + 1 "
    f"WHERE id = ? AND run = ? AND endpoint = ? AND {_IS_OF_TASK} "
    f"AND {_IS_OPEN} AND expires_at > ? RETURNING {_SHOWN}"
)
# The same for many, each as its run and the full name of its task, by its id.
_START_LEASED = (
    f"UPDATE task_records SET status = '{TaskStatus.RUNNING.value}', attempt = attempt + 1, confirmed = 1, "
    "started_at = coalesce(started_at, ?), heard_at = ?, progress = NULL, version = version + 1 "
    "FROM json_each(?) AS leased WHERE task_records.id = leased.key AND run || ' ' || task_name = leased.value "
    f"AND endpoint IN (SELECT value FROM json_each(?)) AND {_IS_OPEN} AND expires_at > ? "
    "RETURNING task_records.id, run, attempt, endpoint, task_name, started_at"
)
_END = (
    f"UPDATE task_records SET status = '{TaskStatus.SUCCEEDED.value}', result = ?, error = NULL, heard_at = ?, "
    "finished_at = ?, expires_at = ? + keep_us, version = version + 1 "
    f"WHERE id = ? AND run = ? AND {_IS_OF_TASK} AND {_IS_OPEN} AND expires_at > ?"
)
_SUCCEED = f"{_END} RETURNING {_SHOWN}"
# The rule is that of engine.task_records.Heard without progress.
_HEAR = (
    "UPDATE task_records SET heard_at = ?, version = version + 1 "
    f"WHERE id = ? AND run = ? AND attempt = ? AND status = '{TaskStatus.RUNNING.value}' AND expires_at > ?"
)
_WANTED = (
    "SELECT id, run FROM task_records WHERE id IN (SELECT value FROM json_each(?)) "
    f"AND expires_at > ? AND status != '{TaskStatus.CANCELLED.value}'"
)
_OPEN = f"SELECT id FROM task_records WHERE id IN (SELECT value FROM json_each(?)) AND expires_at > ? AND {_IS_OPEN}"
_TAGS = (
    f"SELECT task_id, json_extract(headers, '$.\"{RECORD_HEADER}\"') AS tag FROM tasks "
    "WHERE id IN (SELECT value FROM json_each(?)) AND task_id IS NOT NULL AND tag IS NOT NULL"
)
_REMOVE = "DELETE FROM task_records WHERE id = ?"
_IS_THERE = "SELECT 1 FROM task_records WHERE id = ? AND expires_at > ?"
_OLD = f"SELECT id, expires_at, {_IS_OPEN} FROM task_records WHERE sweep_at <= ? LIMIT ?"
_DROP = "DELETE FROM task_records WHERE id IN (SELECT value FROM json_each(?))"
_SWEEP_LATER = "UPDATE task_records SET sweep_at = expires_at WHERE id IN (SELECT value FROM json_each(?))"
_SWEEP_AT = "UPDATE task_records SET sweep_at = min(?, expires_at) WHERE id = ?"
_RESULT = RECORD_COLUMNS.split(", ").index("result")
_NEWEST = 2**62
_MICROSECOND = timedelta(microseconds=1)


class Kept(NamedTuple):
    """A record, and how long it stays after it was made, started anew or finished."""

    record: TaskRecord
    keep: timedelta


class Tagged(NamedTuple):
    """A task that says which record is its own."""

    task_id: str
    tag: str


class Wanted(NamedTuple):
    """Which records are looked for."""

    endpoint: str | None
    status: TaskStatus | None
    labels: Mapping[str, str]


class Look(NamedTuple):
    """What a look at some records found, and the number of the last it looked at; None if there are no more."""

    found: list[tuple[int, TaskRecord]]
    last: int | None


class Swept(NamedTuple):
    """What the sweeper looked at."""

    looks: int
    open: list[str]
    """The records that are not over, and were to be looked at even so: see `look_at`."""


class TaskRecords:
    """The records as one transaction sees them. One that has expired is not there."""

    def __init__(self, statements: Statements, changed: list[str]) -> None:
        self._sql = statements
        self._changed = changed

    def find(self, id: str, now: datetime) -> Kept | None:
        row = self._sql.execute(_FIND, (id, to_us(now))).fetchone()
        return None if row is None else Kept(record_of(row[1:]), timedelta(microseconds=row[0]))

    def find_many(self, ids: Collection[str], now: datetime) -> dict[str, TaskRecord]:
        rows = self._sql.execute(_FIND_MANY, (json_text(list(ids)), to_us(now)))
        return {row[0]: record_of(row) for row in rows}

    def versions(self, ids: Collection[str], now: datetime) -> dict[str, int]:
        """The versions of those that are there."""
        return dict(self._sql.execute(_VERSIONS, (json_text(list(ids)), to_us(now))).fetchall())

    def insert(self, record: TaskRecord, keep: timedelta) -> None:
        """Add it, or put it in the place of the one with its id, as the newest."""
        self._sql.execute(_INSERT, (keep // _MICROSECOND, to_us(record.expires_at), *record_row(record)))
        self._changed.append(record.id)

    def add(self, new: Iterable[AskedRecord], keep: timedelta, now: datetime) -> None:
        """Add those, whose ids are new."""
        at, keep_us = to_us(now), keep // _MICROSECOND
        # The version is greater than that of a record with such an id that was forgotten or has expired.
        times = keep_us, at, at, at + keep_us, at + keep_us
        self._sql.executemany(_ADD, [(*times, *new_record_row(one)) for one in new])

    def save(self, record: TaskRecord) -> None:
        """Keep what an event has changed, other than a new run."""
        values = (
            record.confirmed,
            record.status.value,
            record.attempt,
            maybe_us(record.started_at),
            maybe_us(record.finished_at),
            maybe_us(record.heard_at),
            to_us(record.expires_at),
            *outcome(record),
            record.version,
            record.id,
        )
        self._sql.execute(_SAVE, values)
        self._changed.append(record.id)

    def start(self, id: str, run: int, event: Started, now: datetime) -> TaskRecord | None:
        """The record after `Started`; None if nothing changes. An open one has no result."""
        at = to_us(now)
        row = self._sql.execute(_START, (at, at, id, run, event.endpoint, *(task_suffix(event),) * 3, at)).fetchone()
        return None if row is None else self._noted(record_of(row))

    def succeed(self, id: str, run: int, event: Succeeded, now: datetime) -> TaskRecord | None:
        """The record after `Succeeded`; None if nothing changes."""
        at = to_us(now)
        values = (event.result, at, at, at, id, run, *(task_suffix(event),) * 3, at)
        row = self._sql.execute(_SUCCEED, values).fetchone()
        return None if row is None else self._noted(record_of((*row[:_RESULT], event.result, *row[_RESULT + 1 :])))

    def begin(
        self, tasks: Mapping[tuple[str, int], str], endpoints: Collection[str], now: datetime
    ) -> list[LeasedRecord]:
        """Those that change by `Started`. `tasks` has the full name of each task, by the id and the run of its record.

        A record of another endpoint, or of a task with another name, stays as it is.
        """
        at = to_us(now)
        leased = {id: f"{run} {name}" for (id, run), name in tasks.items()}
        values = (at, at, json_text(leased), json_text(list(endpoints)), at)
        started = self._sql.execute(_START_LEASED, values).fetchall()
        self._changed += [row[0] for row in started]
        return [
            LeasedRecord(id, run, number, endpoint, name, timedelta(microseconds=at - began))
            for id, run, number, endpoint, name, began in started
        ]

    def succeed_many(self, ended: Collection[tuple[LeasedRecord, datetime]]) -> None:
        """`Succeeded` of each of these, with the result that was left in it, at that time."""
        rows: list[Row] = []
        for one, when in ended:
            at = to_us(when)
            rows.append((one.result, at, at, at, one.id, one.run, *(one.task_name,) * 3, at))
        self._sql.executemany(_END, rows)
        self._changed += [one.id for one, _ in ended]

    def hear(self, attempts: Collection[tuple[str, int, int]], now: datetime) -> None:
        """These attempts, as id, run and number, still run."""
        at = to_us(now)
        self._sql.executemany(_HEAR, [(at, *attempt, at) for attempt in attempts])

    def wanted(self, ids: Collection[str], now: datetime) -> set[tuple[str, int]]:
        """Which of them are there and not cancelled, each with its run."""
        return set(self._sql.execute(_WANTED, (json_text(list(ids)), to_us(now))))

    def open(self, ids: Collection[str], now: datetime) -> set[str]:
        """Which of them are there and not final."""
        return {id for (id,) in self._sql.execute(_OPEN, (json_text(list(ids)), to_us(now)))}

    def tagged(self, tasks: list[int]) -> list[Tagged]:
        """Those of the tasks with these numbers that have a record."""
        return [Tagged(*row) for row in self._sql.execute(_TAGS, (str(tasks),))]

    def look(self, wanted: Wanted, before: int | None, now: datetime, limit: int, looks: int) -> Look:
        """Up to `limit` of the records that were made before that number, the newest first, without their results.

        It looks at no more than `looks` of them, whether or not they are wanted.
        """
        scope, scoped = _scope(wanted, _NEWEST if before is None else before)
        chosen, choosing = _choice(wanted, now)
        some = f"SELECT * FROM task_records WHERE {scope} ORDER BY number DESC LIMIT ?"
        query = f"SELECT number, {_SHOWN} FROM ({some}) WHERE {chosen} ORDER BY number DESC LIMIT ?"
        rows = self._sql.execute(query, (*scoped, looks, *choosing, limit)).fetchall()
        found = [(row[0], record_of(row[1:])) for row in rows]
        if len(found) == limit:
            return Look(found, found[-1][0])
        query = f"SELECT count(*), min(number) FROM ({some.replace('*', 'number')})"
        count, last = self._sql.execute(query, (*scoped, looks)).fetchone()
        return Look(found, last if count == looks else None)

    def remove(self, id: str, now: datetime) -> bool:
        """True if it was there."""
        was_there = self._sql.execute(_IS_THERE, (id, to_us(now))).fetchone() is not None
        self._sql.execute(_REMOVE, (id,))
        self._changed.append(id)
        return was_there

    def _noted(self, record: TaskRecord) -> TaskRecord:
        self._changed.append(record.id)
        return record

    def look_at(self, id: str, when: datetime) -> None:
        """Have the sweeper look at this record then, though it will not have expired."""
        self._sql.execute(_SWEEP_AT, (to_us(when), id))

    def drop_expired(self, at: datetime, limit: int) -> Swept:
        """Look at some that may have expired by then, and drop those that have."""
        rows = self._sql.execute(_OLD, (to_us(at), limit)).fetchall()
        expired = [id for id, expires_at, _ in rows if expires_at <= to_us(at)]
        if expired:
            self._sql.execute(_DROP, (json_text(expired),))
            self._changed += expired
        left = [(id, is_open) for id, expires_at, is_open in rows if expires_at > to_us(at)]
        if left:
            self._sql.execute(_SWEEP_LATER, (json_text([id for id, _ in left]),))
        return Swept(len(rows), [id for id, is_open in left if is_open])


def _scope(wanted: Wanted, before: int) -> tuple[str, Row]:
    """The condition of what an index finds."""
    if wanted.endpoint is None:
        return "number < ?", (before,)
    return "endpoint = ? AND number < ?", (wanted.endpoint, before)


def _choice(wanted: Wanted, now: datetime) -> tuple[str, Row]:
    """The condition of what has to be looked at."""
    conditions, values = ["expires_at > ?"], [to_us(now)]
    chosen: list[Any] = list(values)
    if wanted.status is not None:
        condition, more = _status(wanted.status, now)
        conditions.append(condition)
        chosen += more
    for key, value in wanted.labels.items():
        conditions.append("EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ? AND value = ?)")
        chosen += (key, value)
    return " AND ".join(conditions), tuple(chosen)


def _status(status: TaskStatus, now: datetime) -> tuple[str, Row]:
    """The condition of what is shown with that status, as `engine.task_records.as_seen` says."""
    fresh = to_us(now - FRESH_FOR)
    running = f"status = '{TaskStatus.RUNNING.value}'"
    if status is TaskStatus.RUNNING:
        return f"{running} AND heard_at >= ?", (fresh,)
    if status is TaskStatus.WAITING:
        return f"(status = ? OR {running} AND coalesce(heard_at < ?, 1))", (status.value, fresh)
    return "status = ?", (status.value,)
