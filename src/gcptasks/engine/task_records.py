"""What is known of a task that somebody may ask about, and what may become of it.

A record outlives its task: Cloud Tasks forgets a task once it is done (CT-129). Tasks run at least once, and attempts
may overlap, so the rules hold for late attempts too: the first attempt that ends a record decides, and what is final
stays. Times are aware UTC datetimes of the store's own clock: those of callers and workers may differ by minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

BEAT_EVERY = timedelta(seconds=5)
"""How often a worker says that an attempt still runs."""
FRESH_FOR = timedelta(seconds=16)
"""How long an attempt counts as running after the last word from its worker: three beats, and what they may be late."""

RECORD_HEADER = "X-Task-Record"
"""The header by which an attempt finds its record: `record_tag` of it."""


def is_record_id(id: str) -> bool:
    """Whether a record may have that id: 32 hex digits, random, or a hash where its task has a key."""
    return len(id) == 32 and not id.strip("0123456789abcdef")


def record_tag(id: str, run: int) -> str:
    """What the task of that run of a record carries in the header."""
    return f"{id}.{run}"


def parse_record_tag(tag: str) -> tuple[str, int] | None:
    """The record's id, and the run; None for what is no tag."""
    id, _, run = tag.partition(".")
    return (id, int(run)) if is_record_id(id) and len(run) < 10 and run.isascii() and run.isdecimal() else None


class TaskStatus(StrEnum):
    """What has become of a task."""

    QUEUED = "queued"
    """No attempt has begun."""
    RUNNING = "running"
    WAITING = "waiting"
    """An attempt failed, or was cut off, and another one comes."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It failed for good."""
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether it stays."""
        return self in _FINAL


_FINAL = frozenset({TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class ProgressInfo:
    """How far a task has come, as it said itself."""

    done: float
    of: float | None = None
    """What `done` will be at the end, if that is known."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """What an attempt failed with."""

    type: str
    """The qualified name of the exception's class."""
    message: str
    traceback: str | None = None
    """Only where the store was told to keep them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """A record as it is stored."""

    id: str
    endpoint: str
    """`module.function`."""
    task_name: str
    """The full name of its task, which need not exist yet, or any more."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    arguments: bytes = b""
    """A digest of the arguments, of a record with a key: other ones are another task."""
    confirmed: bool = True
    """False of a record with a key, until its task is known to have been created."""
    run: int = 1
    """Which task of this record: one with a key may be started anew. What comes of an earlier one changes nothing."""
    status: TaskStatus = TaskStatus.QUEUED
    attempt: int = 0
    """How many attempts began."""
    created_at: datetime
    started_at: datetime | None = None
    """When its first attempt began."""
    finished_at: datetime | None = None
    heard_at: datetime | None = None
    """When the worker of the latest attempt last said a word."""
    expires_at: datetime
    progress: ProgressInfo | None = None
    result: bytes | None = None
    """What it answered with, as JSON."""
    error: ErrorInfo | None = None
    """Of the last attempt that failed."""
    version: int = 1
    """Grows with each change, and never comes twice."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Its task was created."""


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt of that endpoint begins. It is the record's `attempt` from then on, unless nothing changed.

    Nothing changes where the record is final, or of another endpoint or task. Only a record that is CANCELLED or
    SUCCEEDED, or in a later run, keeps the attempt from running.
    """

    endpoint: str
    task_id: str | None = None
    """The last part of its task's name, if that is known: of another task nothing changes. A key that was forgotten and
    used again has the same record id, for another task."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An attempt still runs; with progress, if it says how far it has come."""

    attempt: int
    progress: ProgressInfo | None = None
    task_id: str | None = None
    """As in `Started`."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """An attempt ended the task, with that result."""

    attempt: int
    result: bytes | None
    task_id: str | None = None
    """As in `Started`."""


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt failed."""

    attempt: int
    error: ErrorInfo
    for_good: bool
    """Whether no other attempt comes."""
    task_id: str | None = None
    """As in `Started`."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """No other attempt comes, as the queue says."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody does not want it any more."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """A finished record with a key is to have another task."""

    task_name: str
    arguments: bytes
    labels: Mapping[str, str]


OfAttempt = Started | Heard | Succeeded | AttemptFailed
Event = Confirmed | OfAttempt | GivenUp | Cancelled | Restarted


def after(record: TaskRecord, event: Event, run: int, now: datetime, keep: timedelta) -> TaskRecord:
    """The record after an event of that run of it: the same object if nothing changes.

    `keep` is how long a record stays after it was made, started anew or finished.
    """
    if run != record.run:
        return record
    changed = _after(record, event, now)
    if changed is record:
        return record
    ends = changed.status.final and not record.status.final
    if ends or isinstance(event, Restarted):
        changed = replace(changed, expires_at=now + keep, finished_at=now if ends else None)
    return replace(changed, version=record.version + 1)


def as_seen(record: TaskRecord, now: datetime) -> TaskRecord:
    """What a reader is shown: an attempt whose worker has been silent for long was cut off, and another one comes."""
    if record.status is TaskStatus.RUNNING and (record.heard_at is None or now - record.heard_at > FRESH_FOR):
        return replace(record, status=TaskStatus.WAITING)
    return record


def concerns(event: OfAttempt, record: TaskRecord) -> bool:
    """Whether the attempt is one at the record's task."""
    return record.task_name.endswith(task_suffix(event))


def task_suffix(event: OfAttempt) -> str:
    """What the full name of its task ends with; empty if that is not known."""
    return "" if event.task_id is None else f"/tasks/{event.task_id}"


def _after(record: TaskRecord, event: Event, now: datetime) -> TaskRecord:
    if isinstance(event, Confirmed):
        return record if record.confirmed else replace(record, confirmed=True)
    if isinstance(event, Restarted):
        return _restarted(record, event, now) if record.status.final else record
    if record.status.final or (isinstance(event, OfAttempt) and not concerns(event, record)):
        return record
    match event:
        case Started():
            return _started(record, now) if event.endpoint == record.endpoint else record
        case Heard():
            return _heard(record, event, now)
        case Succeeded():
            return replace(record, status=TaskStatus.SUCCEEDED, result=event.result, error=None, heard_at=now)
        case AttemptFailed():
            return _failed(record, event, now)
        case GivenUp():
            error = record.error or ErrorInfo("", event.reason)
            return replace(record, status=TaskStatus.FAILED, error=error)
        case Cancelled():
            return replace(record, status=TaskStatus.CANCELLED)


def _started(record: TaskRecord, now: datetime) -> TaskRecord:
    return replace(
        record,
        status=TaskStatus.RUNNING,
        attempt=record.attempt + 1,
        started_at=record.started_at or now,
        heard_at=now,
        progress=None,
        confirmed=True,
    )


def _heard(record: TaskRecord, event: Heard, now: datetime) -> TaskRecord:
    # Of two attempts at once the later one speaks for the task.
    if event.attempt != record.attempt or record.status is not TaskStatus.RUNNING:
        return record
    return replace(record, heard_at=now, progress=event.progress or record.progress)


def _failed(record: TaskRecord, event: AttemptFailed, now: datetime) -> TaskRecord:
    if event.for_good:
        return replace(record, status=TaskStatus.FAILED, error=event.error, heard_at=now)
    if event.attempt != record.attempt:
        return record  # a later attempt runs
    return replace(record, status=TaskStatus.WAITING, error=event.error, heard_at=now)


def _restarted(record: TaskRecord, event: Restarted, now: datetime) -> TaskRecord:
    return TaskRecord(
        id=record.id,
        endpoint=record.endpoint,
        task_name=event.task_name,
        labels=event.labels,
        arguments=event.arguments,
        confirmed=False,
        run=record.run + 1,
        created_at=now,
        expires_at=record.expires_at,
        version=record.version,
    )
