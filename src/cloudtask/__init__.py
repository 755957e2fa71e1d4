"""Tasks as decorated functions, in any framework; `cloudtask.fastapi` serves them by FastAPI."""

from typing import TYPE_CHECKING

from gcptasks.base.lazy_names import lazy_names

if TYPE_CHECKING:
    from cloudtask.answers import Answer
    from cloudtask.client import CloudTaskClient
    from cloudtask.eager import EagerTaskFailed
    from cloudtask.functions import TaskFunction
    from cloudtask.task import Task
    from gcptasks.worker.injected import injected
    from gcptasks.worker.retrying import DoNotRetry, RetryLater

__all__ = [
    "Answer",
    "CloudTaskClient",
    "DoNotRetry",
    "EagerTaskFailed",
    "RetryLater",
    "Task",
    "TaskFunction",
    "injected",
]

_HOMES = {
    "Answer": "cloudtask.answers",
    "CloudTaskClient": "cloudtask.client",
    "DoNotRetry": "gcptasks.worker.retrying",
    "EagerTaskFailed": "cloudtask.eager",
    "RetryLater": "gcptasks.worker.retrying",
    "Task": "cloudtask.task",
    "TaskFunction": "cloudtask.functions",
    "injected": "gcptasks.worker.injected",
}


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
