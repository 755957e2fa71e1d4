"""Results of tasks: where they are kept, what handles tell of them, and what asking for them raises."""

from typing import TYPE_CHECKING

from gcptasks.base.lazy_names import lazy_names
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

if TYPE_CHECKING:
    from fastapi_gcp_tasks.result_routes import results_router as results_router

    # Not in `__all__`: `import *` is for a base install as well, and each of these needs an extra.
    from gcptasks.results.redis import RedisResults as RedisResults
    from gcptasks.results.sql import SQLResults as SQLResults

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

_HOMES = {
    "RedisResults": "gcptasks.results.redis",
    "SQLResults": "gcptasks.results.sql",
    "results_router": "fastapi_gcp_tasks.result_routes",
}


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
