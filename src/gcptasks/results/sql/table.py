"""The table of records, and what its rows stand for.

Times are whole microseconds since 1970, UTC. What has parts is JSON in ASCII, so that every text can be stored: NUL and
lone surrogates are escaped there.
"""

import json
import re
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql

from gcptasks.base.epoch import EPOCH
from gcptasks.engine.task_records import ErrorInfo, ProgressInfo, TaskRecord, TaskStatus
from gcptasks.results.store import NewRecord

_MYSQL = ("mysql", "mariadb")
_CASE_COUNTS = {"charset": "utf8mb4", "collation": "utf8mb4_bin"}
_MICROSECOND = timedelta(microseconds=1)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL, and what no encoding can write."""


def records_table(name: str) -> Table:
    id = String(64).with_variant(mysql.VARCHAR(64, **_CASE_COUNTS), *_MYSQL)
    text = Text().with_variant(mysql.LONGTEXT(**_CASE_COUNTS), *_MYSQL)
    bytes_ = LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQL)
    return Table(
        name,
        MetaData(),
        Column("id", id, primary_key=True),
        Column("endpoint", text, nullable=False),
        Column("task_name", text, nullable=False),
        Column("labels", text, nullable=False),
        Column("arguments", bytes_, nullable=False),
        Column("confirmed", Boolean, nullable=False),
        Column("run", Integer, nullable=False),
        Column("status", String(16), nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("started_at", BigInteger),
        Column("finished_at", BigInteger),
        Column("heard_at", BigInteger),
        Column("expires_at", BigInteger, nullable=False),
        Column("progress", text),
        Column("result", bytes_),
        Column("error", text),
        Column("version", BigInteger, nullable=False),
        Index(f"{name}_created", "created_at", "id"),
        # MySQL wants to know how much of a text is in an index.
        Index(f"{name}_endpoint", "endpoint", "created_at", "id", mysql_length={"endpoint": 191}),
        Index(f"{name}_expires", "expires_at"),
    )


def storable(text: str) -> str:
    """The text, with a replacement character for what a database may not be able to store."""
    return _UNSTORABLE.sub("\ufffd", text)


def new_row(record: NewRecord) -> dict[str, Any]:
    """The columns of a new record that do not depend on the time."""
    return {
        "id": storable(record.id),
        "endpoint": storable(record.endpoint),
        "task_name": storable(record.task_name),
        "labels": json_of(dict(record.labels)),
        "arguments": record.arguments,
        "confirmed": record.confirmed,
        "run": 1,
        "status": TaskStatus.QUEUED.value,
        "attempt": 0,
    }


def changed_row(record: TaskRecord) -> dict[str, Any]:
    """The columns of a record that can change."""
    progress, error = record.progress, record.error
    return {
        "task_name": storable(record.task_name),
        "labels": json_of(dict(record.labels)),
        "arguments": record.arguments,
        "confirmed": record.confirmed,
        "run": record.run,
        "status": record.status.value,
        "attempt": record.attempt,
        "created_at": to_us(record.created_at),
        "started_at": _maybe_us(record.started_at),
        "finished_at": _maybe_us(record.finished_at),
        "heard_at": _maybe_us(record.heard_at),
        "expires_at": to_us(record.expires_at),
        "progress": None if progress is None else json_of([progress.done, progress.of, progress.note]),
        "result": record.result,
        "error": None if error is None else json_of([error.type, error.message, error.traceback]),
        "version": record.version,
    }


def record_of(row: Any) -> TaskRecord:
    """The record of a row that has all columns."""
    return TaskRecord(
        id=row.id,
        endpoint=row.endpoint,
        task_name=row.task_name,
        labels=json.loads(row.labels),
        arguments=row.arguments,
        confirmed=bool(row.confirmed),
        run=row.run,
        status=TaskStatus(row.status),
        attempt=row.attempt,
        created_at=from_us(row.created_at),
        started_at=_maybe_from_us(row.started_at),
        finished_at=_maybe_from_us(row.finished_at),
        heard_at=_maybe_from_us(row.heard_at),
        expires_at=from_us(row.expires_at),
        progress=None if row.progress is None else ProgressInfo(*json.loads(row.progress)),
        result=row.result,
        error=None if row.error is None else ErrorInfo(*json.loads(row.error)),
        version=row.version,
    )


def json_of(value: object) -> str:
    """As it stands in a column."""
    return json.dumps(value, separators=(",", ":"))


def to_us(when: datetime) -> int:
    return (when - EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def _maybe_us(when: datetime | None) -> int | None:
    return None if when is None else to_us(when)


def _maybe_from_us(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
