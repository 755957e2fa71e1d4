"""What a worker does with a request: who may call, which function is meant, and what is answered.

It knows no framework. Refusals are answers, in this order: a wrong secret 403, a malformed message 422, an unknown
function 404, arguments that do not fit 422.
"""

from asyncio import current_task
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudtask.answers import DONE, Answer, AnswerTo, failed, note, refusal, refused_as
from cloudtask.arguments import Values
from cloudtask.functions import TaskFunction
from cloudtask.message import Malformed, parsed
from cloudtask.running import run, run_blocking
from cloudtask.settings import Settings
from gcptasks.base.interruptions import came_from_outside, is_ctrl_c
from gcptasks.base.running_loop import running_loop
from gcptasks.engine.task_limits import LARGEST
from gcptasks.worker.refusal import Refusal
from gcptasks.worker.secret import SecretCheck

if TYPE_CHECKING:
    from cloudtask.recorded_attempts import RecordedAttempts

RequestHeaders = Mapping[str, str] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
"""The headers of a request: a mapping, or pairs as in the scope of ASGI."""


class Asked(NamedTuple):
    """A call that a request asks for."""

    function: TaskFunction[..., Any]
    values: Values


class Worker:
    """Runs the functions of one client, and nothing else: nothing is imported for a request."""

    def __init__(
        self,
        settings: Settings,
        functions: Mapping[str, TaskFunction[..., Any]],
        recorded: "RecordedAttempts | None" = None,
    ) -> None:
        self._header = settings.secret_header.lower()
        self._secret = SecretCheck(settings.secret) if settings.secret else None
        self._functions = functions
        self.recorded = recorded
        """What records the attempts, if anything does."""

    async def execute(self, body: bytes, headers: RequestHeaders, *, verified: bool) -> Answer:
        """Run what the request asks for; a function that blocks runs in a thread."""
        kept = headers if self.recorded is None else kept_headers(headers)
        asked = self.refused(kept, verified=verified) or self.asked(body)
        if isinstance(asked, Answer):
            return asked
        function, values = asked

        def attempt() -> Awaitable[Any]:
            return run(lambda: _call(function, values), is_async=function.is_async)

        if self.recorded is not None:
            recording = self.recorded.recording(function, kept_headers(kept))
            if recording is not None:
                return await self.recorded.answer(recording, function, attempt)
        return await ended(function, attempt())

    def sync_execute(self, body: bytes, headers: RequestHeaders, *, verified: bool) -> Answer:
        """The same, blocking."""
        kept = headers if self.recorded is None else kept_headers(headers)
        asked = self.refused(kept, verified=verified) or self.asked(body)
        if isinstance(asked, Answer):
            return asked
        function, values = asked

        def attempt() -> Any:
            return run_blocking(lambda: _call(function, values))

        if self.recorded is not None:
            answer = self.recorded.sync_answer(function, kept_headers(kept), attempt)
            if answer is not None:
                return answer
        try:
            attempt()
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


def kept_headers(headers: RequestHeaders) -> Mapping[str, str]:
    """The headers, which may have been readable once, by their names in lower case."""
    given: Any = headers
    kept: dict[str, str] = {}
    for name, value in given.items() if hasattr(given, "items") else given:
        kept.setdefault(_text(name).lower(), _text(value))  # the first one counts, as without records
    return kept


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
    running: Awaitable[object],
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
