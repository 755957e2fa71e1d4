"""A record as plain values, as databases keep them: numbers, texts and bytes.

Times are whole microseconds since 1970, UTC. What has parts is JSON in ASCII, so that every text can be stored: NUL and
lone surrogates are escaped there.
"""

import json
import re
from datetime import datetime, timedelta
from typing import Any

from gcptasks.base.epoch import EPOCH
from gcptasks.engine.task_records import ErrorInfo, ProgressInfo, TaskRecord, TaskStatus
from gcptasks.results.store import NewRecord

_MICROSECOND = timedelta(microseconds=1)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL, and what no encoding can write."""


def storable(text: str) -> str:
    """The text, with a replacement character for what a database may not be able to store."""
    return _UNSTORABLE.sub("\ufffd", text)


def new_row(record: NewRecord) -> dict[str, Any]:
    """The values of a new record that do not depend on the time."""
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
    """The values of a record that can change."""
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
    """The record whose values are the attributes of `row`."""
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
    """As it stands in a row."""
    return json.dumps(value, separators=(",", ":"))


def to_us(when: datetime) -> int:
    return (when - EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def _maybe_us(when: datetime | None) -> int | None:
    return None if when is None else to_us(when)


def _maybe_from_us(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
