"""Rows of records of tasks, and the values that they stand for."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from pydantic_core import from_json, to_json

from gcptasks.engine.task_records import ErrorInfo, ProgressInfo, TaskRecord, TaskStatus
from gcptasks.store.times import from_us, maybe_from_us, maybe_us, to_us

Row = tuple[Any, ...]

RECORD_COLUMNS = (
    "id, endpoint, task_name, labels, arguments, confirmed, run, status, attempt, created_at, started_at, finished_at, "
    "heard_at, expires_at, progress, result, error, version"
)
NEW_RECORD_COLUMNS = "id, endpoint, task_name, labels, arguments, confirmed"
"""Of a record that is asked for; the others say when it was made, and that nothing has become of it yet."""
_STATUS = {status.value: status for status in TaskStatus}


class AskedRecord(Protocol):
    """A record as it is asked for."""

    @property
    def id(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def task_name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def arguments(self) -> bytes: ...
    @property
    def confirmed(self) -> bool: ...


def new_record_row(asked: AskedRecord) -> Row:
    """The values of `NEW_RECORD_COLUMNS`."""
    labels = json_text(dict(asked.labels)) if asked.labels else "{}"
    return asked.id, asked.endpoint, asked.task_name, labels, asked.arguments, asked.confirmed


def record_row(record: TaskRecord) -> Row:
    """The values of `RECORD_COLUMNS`."""
    return (
        record.id,
        record.endpoint,
        record.task_name,
        json_text(dict(record.labels)),
        record.arguments,
        record.confirmed,
        record.run,
        record.status.value,
        record.attempt,
        to_us(record.created_at),
        maybe_us(record.started_at),
        maybe_us(record.finished_at),
        maybe_us(record.heard_at),
        to_us(record.expires_at),
        *outcome(record),
        record.version,
    )


def outcome(record: TaskRecord) -> Row:
    """The values of `progress`, `result` and `error`."""
    return (
        None if record.progress is None else json_text(asdict(record.progress)),
        record.result,
        None if record.error is None else json_text(asdict(record.error)),
    )


def record_of(row: Row) -> TaskRecord:
    """The record of a row of `RECORD_COLUMNS`."""
    id, endpoint, name, labels, arguments, confirmed, run, status, attempt, created, started, finished, *rest = row
    heard, expires, progress, result, error, version = rest
    return TaskRecord(
        id=id,
        endpoint=endpoint,
        task_name=name,
        labels={} if labels == "{}" else from_json(labels),
        arguments=arguments,
        confirmed=bool(confirmed),
        run=run,
        status=_STATUS[status],
        attempt=attempt,
        created_at=from_us(created),
        started_at=maybe_from_us(started),
        finished_at=maybe_from_us(finished),
        heard_at=maybe_from_us(heard),
        expires_at=from_us(expires),
        progress=None if progress is None else ProgressInfo(**from_json(progress)),
        result=result,
        error=None if error is None else ErrorInfo(**from_json(error)),
        version=version,
    )


def json_text(value: object) -> str:
    """The value as one column keeps it."""
    return to_json(value, inf_nan_mode="constants").decode()
