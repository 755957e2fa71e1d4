"""What a worker answers to the queue, and what its log has of it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from cloudtask.functions import TaskFunction
from gcptasks.base.log_text import log_text
from gcptasks.worker.raised import note_raised
from gcptasks.worker.retrying import DoNotRetry, RetryLater

_log = logging.getLogger("cloudtask")


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer to the queue."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


DONE = Answer(200)

AnswerTo = Callable[[TaskFunction[..., Any], Exception], "Answer"]


def failed(function: TaskFunction[..., Any], error: BaseException) -> Answer:
    """The answer for a function that raised; the log has the rest."""
    note_raised(error)
    if isinstance(error, RetryLater):
        return refusal(503, "to be tried again later", {"Retry-After": str(error.seconds)})
    if isinstance(error, DoNotRetry):
        note("%s is not tried again: %s", function.name, error.reason)
        return DONE
    note("%s failed", function.name, error=error)
    return refusal(500, "the task failed")


def refusal(status: int, detail: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer that says why."""
    body = to_json({"detail": detail}, fallback=str, inf_nan_mode="null")
    return Answer(status, {"content-type": "application/json", **(headers or {})}, body)


def refused_as(status: int, reason: str) -> Answer:
    """The answer to a request that brings no task, which the log has as well."""
    note("a task was refused: %s", reason)
    return refusal(status, reason)


def note(text: str, *args: object, error: BaseException | None = None) -> None:
    """Log a warning, or an error with its traceback. A log that fails, or a text that does, changes no answer."""
    level = logging.WARNING if error is None else logging.ERROR
    try:
        _log.log(level, text, *map(log_text, args), exc_info=error, stacklevel=2)
    except Exception:
        pass
