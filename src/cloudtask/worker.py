"""What a worker does with a request: who may call, which function is meant, and what is answered.

It knows no framework. Refusals are answers, in this order: a wrong secret 403, a malformed message 422, an unknown
function 404, arguments that do not fit 422.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cloudtask.arguments import Given
from cloudtask.eager import run_coroutine
from cloudtask.functions import TaskFunction
from cloudtask.message import Malformed, parsed
from cloudtask.settings import Settings
from gcptasks.base.log_text import log_text
from gcptasks.worker.retrying import DoNotRetry, RetryLater

_log = logging.getLogger("cloudtask")


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer to the queue."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class Asked(NamedTuple):
    """A call that a request asks for."""

    function: TaskFunction[..., Any]
    given: Given


DONE = Answer(200)


class Worker:
    """Runs the functions of one client, and nothing else: nothing is imported for a request."""

    def __init__(self, settings: Settings, functions: Mapping[str, TaskFunction[..., Any]]) -> None:
        self._settings = settings
        self._functions = functions

    async def execute(self, body: bytes, headers: Mapping[str, str], *, verified: bool) -> Answer:
        """Run what the request asks for; a function that blocks runs in a thread."""
        asked = self.asked(body, headers, verified=verified)
        if isinstance(asked, Answer):
            return asked
        function, given = asked
        try:
            function.refuse_injected("Serve it with cloudtask.fastapi.CloudTaskRouter")
            if function.is_async:
                await function.call(*given)
            else:
                await asyncio.to_thread(function.call, *given)
        except Exception as error:
            return failed(function, error)
        return DONE

    def sync_execute(self, body: bytes, headers: Mapping[str, str], *, verified: bool) -> Answer:
        """The same, blocking."""
        asked = self.asked(body, headers, verified=verified)
        if isinstance(asked, Answer):
            return asked
        function, given = asked
        try:
            function.refuse_injected("Serve it with cloudtask.fastapi.CloudTaskRouter")
            if function.is_async:
                run_coroutine(lambda: function.call(*given))
            else:
                function.call(*given)
        except Exception as error:
            return failed(function, error)
        return DONE

    def asked(self, body: bytes, headers: Mapping[str, str], *, verified: bool) -> Asked | Answer:
        """What the request asks for, or the answer to one that is refused."""
        if not self._knows_secret(headers, verified=verified):
            return _refusal(403, "not permitted")
        try:
            message = parsed(body)
        except Malformed as error:
            return _refusal(422, str(error))
        function = self._functions.get(message.path)
        if function is None:
            return _refusal(404, "no task of that path is registered")
        try:
            return Asked(function, function.read(message.args, message.kwargs))
        except ValueError as error:
            _log.warning("%s cannot be called so: %s", function.name, log_text(error))
            return _refusal(422, str(error))

    def _knows_secret(self, headers: Mapping[str, str], *, verified: bool) -> bool:
        """Whether the caller knows the secret, compared in constant time. No secret is known to nobody."""
        expected = self._settings.secret
        if not expected:
            if not verified:
                _log.warning(
                    "a task was refused, as nobody has verified its caller: give CloudTaskClient a secret=, "
                    "or say execute(…, verified=True) if the caller was verified before"
                )
            return verified
        name = self._settings.secret_header.lower()
        sent = next((value for key, value in headers.items() if key.lower() == name), None)
        if sent is not None and hmac.compare_digest(sent.encode("latin-1", "replace"), expected.encode()):
            return True
        _log.warning("a task was refused: %s", "its secret is missing" if sent is None else "its secret is another")
        return False


def failed(function: TaskFunction[..., Any], error: Exception) -> Answer:
    """The answer for a function that raised; the log has the rest."""
    if isinstance(error, RetryLater):
        return _refusal(503, "to be tried again later", {"Retry-After": str(error.seconds)})
    if isinstance(error, DoNotRetry):
        _log.warning("%s is not tried again: %s", function.name, log_text(error.reason))
        return DONE
    _log.error("%s failed", function.name, exc_info=error)
    return _refusal(500, "the task failed")


def _refusal(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(
        status, {"content-type": "application/json", **(headers or {})}, json.dumps({"detail": text}).encode()
    )
