"""What a worker does with a request: who may call, which function is meant, and what is answered.

It knows no framework. Refusals are answers, in this order: a wrong secret 403, a malformed message 422, an unknown
function 404, arguments that do not fit 422.
"""

import logging
from asyncio import current_task
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic_core import to_json

from cloudtask.arguments import Values
from cloudtask.functions import TaskFunction
from cloudtask.message import Malformed, parsed
from cloudtask.running import run, run_blocking
from cloudtask.settings import Settings
from gcptasks.base.interruptions import came_from_outside, is_ctrl_c
from gcptasks.base.log_text import log_text
from gcptasks.base.running_loop import running_loop
from gcptasks.engine.task_limits import LARGEST
from gcptasks.worker.refusal import Refusal
from gcptasks.worker.retrying import DoNotRetry, RetryLater
from gcptasks.worker.secret import SecretCheck

_log = logging.getLogger("cloudtask")


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer to the queue."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


RequestHeaders = Mapping[str, str] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
"""The headers of a request: a mapping, or pairs as in the scope of ASGI."""

AnswerTo = Callable[[TaskFunction[..., Any], Exception], "Answer"]


class Asked(NamedTuple):
    """A call that a request asks for."""

    function: TaskFunction[..., Any]
    values: Values


DONE = Answer(200)


class Worker:
    """Runs the functions of one client, and nothing else: nothing is imported for a request."""

    def __init__(self, settings: Settings, functions: Mapping[str, TaskFunction[..., Any]]) -> None:
        self._header = settings.secret_header.lower()
        self._secret = SecretCheck(settings.secret) if settings.secret else None
        self._functions = functions

    async def execute(self, body: bytes, headers: RequestHeaders, *, verified: bool) -> Answer:
        """Run what the request asks for; a function that blocks runs in a thread."""
        asked = self.refused(headers, verified=verified) or self.asked(body)
        if isinstance(asked, Answer):
            return asked
        function, values = asked
        return await ended(function, run(lambda: _call(function, values), is_async=function.is_async))

    def sync_execute(self, body: bytes, headers: RequestHeaders, *, verified: bool) -> Answer:
        """The same, blocking."""
        asked = self.refused(headers, verified=verified) or self.asked(body)
        if isinstance(asked, Answer):
            return asked
        function, values = asked
        try:
            run_blocking(lambda: _call(function, values))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and is_ctrl_c(error):
                raise
            return failed(function, error)
        return DONE

    def refused(self, headers: RequestHeaders, *, verified: bool) -> Answer | None:
        """The answer to a caller that does not know the secret. Where there is none, nobody knows it."""
        if self._secret is None:
            if verified:
                return None
            note(
                "a task was refused, as nobody has verified its caller: give CloudTaskClient a secret=, "
                "or say execute(…, verified=True) if the caller was verified before"
            )
            return refusal(403, "not permitted")
        try:
            self._secret.check(_value_of(headers, self._header))
        except Refusal as reason:
            note("a task was refused to its caller: %s", reason)
            return refusal(reason.status, "not permitted")
        return None

    def asked(self, body: bytes) -> Asked | Answer:
        """What the request asks for, or the answer to one that is refused."""
        if not isinstance(body, bytes | bytearray):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a checker
            raise TypeError(f"body must be bytes, not {type(body).__name__}")
        if len(body) > LARGEST:
            return refused_as(413, f"the body has more than {LARGEST} bytes, which no task has")
        try:
            message = parsed(body)
        except Malformed as error:
            return refused_as(422, str(error))
        function = self._functions.get(message.path)
        if function is None:
            note("a task was refused, as none is registered as %s", message.path)
            return refusal(404, "no task of that path is registered")
        try:
            return Asked(function, function.read(message.args, message.kwargs))
        except ValueError as error:
            note("%s cannot be called so: %s", function.name, error)
            return refusal(422, str(error))
        except Exception as error:  # a validator of the user's may raise anything
            return failed(function, error)


def _value_of(headers: RequestHeaders, name: str) -> str | None:
    """The header's value; an empty one if it is no text, which matches no secret."""
    given: Any = headers
    for key, value in given.items() if hasattr(given, "items") else given:
        if _text(key).lower() == name:
            return _text(value)
    return None


def _text(part: object) -> str:
    if isinstance(part, bytes):
        return part.decode("latin-1")
    return part if isinstance(part, str) else ""


def _call(function: TaskFunction[..., Any], values: Values) -> Any:
    function.refuse_injected("Serve it with cloudtask.fastapi.CloudTaskRouter")
    return function.call(values)


async def ended(
    function: TaskFunction[..., Any],
    running: Awaitable[None],
    answer_to: AnswerTo | None = None,
) -> Answer:
    """The answer for the function, once it has run; `answer_to` makes that for one that raised.

    Whatever it raises ends this attempt and nothing else: a `SystemExit` does not end the worker.
    """
    # There is none where another library than asyncio runs us.
    task = current_task() if running_loop() is not None else None
    try:
        await running
    except Exception as error:
        return (answer_to or failed)(function, error)
    except BaseException as error:
        if task is None or came_from_outside(error, task):
            raise
        return failed(function, error)
    return DONE


def failed(function: TaskFunction[..., Any], error: BaseException) -> Answer:
    """The answer for a function that raised; the log has the rest."""
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
