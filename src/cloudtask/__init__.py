"""Tasks as decorated functions, in any framework; `cloudtask.fastapi` serves them by FastAPI."""

from importlib import import_module
from typing import TYPE_CHECKING

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


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


# Checkers see the imports above instead: a module with `__getattr__` has every name for them, a misspelt one too.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        try:
            home = _HOMES[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
        value = globals()[name] = getattr(import_module(home), name)
        return value
