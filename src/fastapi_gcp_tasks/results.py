"""Results of tasks: where they are kept, what handles tell of them, and what asking for them raises."""

from gcptasks.client.handles import AsyncTaskHandle, TaskHandle
from gcptasks.client.service_results import ServiceResults
from gcptasks.engine.task_records import ErrorInfo, Event, ProgressInfo, TaskRecord, TaskStatus, after, as_seen
from gcptasks.results.errors import (
    KeyConflict,
    ResultMismatch,
    ResultTooLarge,
    TaskCancelled,
    TaskFailed,
    TaskNotFound,
)
from gcptasks.results.store import (
    AsyncStore,
    Attempt,
    BlockingStore,
    Change,
    NewRecord,
    Page,
    Query,
    ResultStore,
    StoreSettings,
)
from gcptasks.results.task_info import TaskInfo

__all__ = [
    "AsyncStore",
    "AsyncTaskHandle",
    "Attempt",
    "BlockingStore",
    "Change",
    "ErrorInfo",
    "Event",
    "KeyConflict",
    "NewRecord",
    "Page",
    "ProgressInfo",
    "Query",
    "ResultMismatch",
    "ResultStore",
    "ResultTooLarge",
    "ServiceResults",
    "StoreSettings",
    "TaskCancelled",
    "TaskFailed",
    "TaskHandle",
    "TaskInfo",
    "TaskNotFound",
    "TaskRecord",
    "TaskStatus",
    "after",
    "as_seen",
]
