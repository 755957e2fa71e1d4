"""What whoever asks about a task is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gcptasks.engine.task_records import ErrorInfo, ProgressInfo, TaskRecord, TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """What is known of a task."""

    id: str
    endpoint: str
    """`module.function`."""
    labels: Mapping[str, str]
    status: TaskStatus
    attempt: int
    """How many attempts began."""
    created_at: datetime
    started_at: datetime | None
    """When its first attempt began."""
    finished_at: datetime | None
    progress: ProgressInfo | None
    error: ErrorInfo | None
    """Of the last attempt that failed."""


def info_of(record: TaskRecord) -> TaskInfo:
    """What is told of this record."""
    return TaskInfo(
        id=record.id,
        endpoint=record.endpoint,
        labels=record.labels,
        status=record.status,
        attempt=record.attempt,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        progress=record.progress,
        error=record.error,
    )
