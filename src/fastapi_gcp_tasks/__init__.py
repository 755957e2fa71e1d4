"""Background tasks for FastAPI: a task is an endpoint, enqueueing it is a typed call.

Names are imported when they are first used, so that one part does not pay for another.
"""

from typing import TYPE_CHECKING

from gcptasks.base.lazy_names import lazy_names

if TYPE_CHECKING:
    from fastapi_gcp_tasks.bulk import BulkItem, BulkResult
    from fastapi_gcp_tasks.decorators import task_default_options
    from fastapi_gcp_tasks.delayed_route import AsyncDelayedRouteBuilder, DelayedRouteBuilder
    from fastapi_gcp_tasks.dependencies import (
        CloudSchedulerHeaders,
        CloudTasksHeaders,
        DoNotRetry,
        RetryLater,
        max_retries,
    )
    from fastapi_gcp_tasks.exception import BadMethodError, MissingParamError, TaskRouteError, WrongTypeError
    from fastapi_gcp_tasks.progress import AsyncProgress, Progress
    from fastapi_gcp_tasks.protocols import (
        AsyncDelayedTask,
        AsyncDelayOptions,
        AsyncScheduledTask,
        AsyncSchedulerOptions,
        DelayedTask,
        DelayOptions,
        ScheduledTask,
        SchedulerOptions,
        TaskDefaultOptions,
        as_async_delayed_task,
        as_async_scheduled_task,
        as_delayed_task,
        as_scheduled_task,
    )
    from fastapi_gcp_tasks.result_routes import results_router
    from fastapi_gcp_tasks.results import AsyncTaskHandle, TaskHandle, TaskStatus
    from fastapi_gcp_tasks.routers import AsyncDelayedRouter, DelayedRouter
    from fastapi_gcp_tasks.scheduled_route import AsyncScheduledRouteBuilder, ScheduledRouteBuilder
    from fastapi_gcp_tasks.scheduled_routers import AsyncScheduledRouter, ScheduledRouter
    from fastapi_gcp_tasks.task_checks import check_tasks

    # Not in `__all__`: `import *` is for a base install as well, and this needs the extra `local`.
    from gcptasks.server.local_service import LocalService as LocalService
    from gcptasks.worker.injected import injected

__all__ = [
    "AsyncDelayOptions",
    "AsyncDelayedRouteBuilder",
    "AsyncDelayedRouter",
    "AsyncDelayedTask",
    "AsyncProgress",
    "AsyncScheduledRouteBuilder",
    "AsyncScheduledRouter",
    "AsyncScheduledTask",
    "AsyncSchedulerOptions",
    "AsyncTaskHandle",
    "BadMethodError",
    "BulkItem",
    "BulkResult",
    "CloudSchedulerHeaders",
    "CloudTasksHeaders",
    "DelayOptions",
    "DelayedRouteBuilder",
    "DelayedRouter",
    "DelayedTask",
    "DoNotRetry",
    "MissingParamError",
    "Progress",
    "RetryLater",
    "ScheduledRouteBuilder",
    "ScheduledRouter",
    "ScheduledTask",
    "SchedulerOptions",
    "TaskDefaultOptions",
    "TaskHandle",
    "TaskRouteError",
    "TaskStatus",
    "WrongTypeError",
    "as_async_delayed_task",
    "as_async_scheduled_task",
    "as_delayed_task",
    "as_scheduled_task",
    "check_tasks",
    "injected",
    "max_retries",
    "results_router",
    "task_default_options",
]

_MODULES = {
    "bulk": ["BulkItem", "BulkResult"],
    "decorators": ["task_default_options"],
    "delayed_route": ["AsyncDelayedRouteBuilder", "DelayedRouteBuilder"],
    "dependencies": ["CloudSchedulerHeaders", "CloudTasksHeaders", "DoNotRetry", "RetryLater", "max_retries"],
    "exception": ["BadMethodError", "MissingParamError", "TaskRouteError", "WrongTypeError"],
    "progress": ["AsyncProgress", "Progress"],
    "protocols": [
        "AsyncDelayOptions",
        "AsyncDelayedTask",
        "AsyncScheduledTask",
        "AsyncSchedulerOptions",
        "DelayOptions",
        "DelayedTask",
        "ScheduledTask",
        "SchedulerOptions",
        "TaskDefaultOptions",
        "as_async_delayed_task",
        "as_async_scheduled_task",
        "as_delayed_task",
        "as_scheduled_task",
    ],
    "result_routes": ["results_router"],
    "results": ["AsyncTaskHandle", "TaskHandle", "TaskStatus"],
    "routers": ["AsyncDelayedRouter", "DelayedRouter"],
    "scheduled_route": ["AsyncScheduledRouteBuilder", "ScheduledRouteBuilder"],
    "scheduled_routers": ["AsyncScheduledRouter", "ScheduledRouter"],
    "task_checks": ["check_tasks"],
}
_HOMES = {name: f"fastapi_gcp_tasks.{module}" for module, names in _MODULES.items() for name in names}
_HOMES["injected"] = "gcptasks.worker.injected"
_HOMES["LocalService"] = "gcptasks.server.local_service"


if not TYPE_CHECKING:
    # Only the local service needs what the base install does not bring.
    __getattr__, __dir__ = lazy_names(__name__, _HOMES, {"LocalService": "local"})
