"""Tasks as functions, served by FastAPI, which resolves their dependencies."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from cloudtask.answers import Answer, failed, note, refusal
from cloudtask.client import CloudTaskClient
from cloudtask.functions import TaskFunction
from cloudtask.running import run
from cloudtask.worker import Asked, ended
from gcptasks.base.asgi import DELIVERY, LEASED_RECORD, RECORDING
from gcptasks.base.http import is_token
from gcptasks.engine.task_limits import LARGEST
from gcptasks.values.refusal import at_place
from gcptasks.worker.progress_kinds import refuse_wrong_progress
from gcptasks.worker.raised import note_raised

_WITHOUT_BODY = (204, 205, 304)

_HANDLERS = "starlette.exception_handlers"
"""Where in a scope an app's handlers of exceptions are, by class and by status."""


class CloudTaskRouter(APIRouter):
    """Runs the tasks of a client: `app.include_router(CloudTaskRouter(client), prefix="/tasks")` serves `/tasks/run`.

    `verify`: a dependency that lets in who may call, such as `verify_oidc(…)` of `fastapi_gcp_tasks`; `False` if the
    platform checks callers, as Cloud Run with IAM does. The client's secret, if it has one, is asked for in any case.
    All other options are those of `APIRouter`. Raises `ValueError` if there is neither a secret nor `verify`.
    """

    def __init__(
        self, client: CloudTaskClient, *, verify: Callable[..., Any] | Literal[False] | None = None, **options: Any
    ) -> None:
        if not client.settings.secret and verify is None:
            raise ValueError(
                "whoever reaches this app could run its tasks: give CloudTaskClient a secret=, or CloudTaskRouter "
                "verify=verify_oidc(…), or verify=False if the platform checks callers"
            )
        if verify:
            options["dependencies"] = [Depends(verify), *(options.get("dependencies") or ())]
        super().__init__(**options)
        self.client = client
        """The client whose tasks it runs."""
        self._worker = client.worker
        self._routes: dict[str, APIRoute] = {}
        for function in client.functions.values():
            self._route_of(function)
        for path in ("/run", ""):
            self.add_api_route(path, self._run, methods=["POST"], name="run_task", include_in_schema=False)

    async def _run(self, request: Request) -> Response:
        answer = self._worker.refused(request.headers.raw, verified=True) or await self._answer(request)
        return Response(answer.body, answer.status, dict(answer.headers))

    async def _answer(self, request: Request) -> Answer:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return refusal(400, "the request has ended before its body")
        asked = self._worker.asked(body)
        if isinstance(asked, Answer):
            return asked
        recorded, function = self._worker.recorded, asked.function
        recording = None if recorded is None else recorded.recording(function, request.headers)
        if recorded is None or recording is None:
            return await ended(function, self._resolve_and_run(asked, body, request), _failed)
        request.scope[RECORDING] = recording
        if DELIVERY in request.scope:
            recording.is_here(request.scope.get(LEASED_RECORD))
        return await recorded.answer(recording, function, lambda: self._resolve_and_run(asked, body, request), _failed)

    async def _resolve_and_run(self, asked: Asked, body: bytes, request: Request) -> Any:
        """What the function returns, when what FastAPI made for it is closed, and its background tasks have run."""
        function = asked.function
        if not function.arguments.injected:
            return await _run_function(asked, {})
        # What fails is answered by us: a handler of the app's might say that all is well.
        scope: dict[str, Any] = {**request.scope, _HANDLERS: ({}, {})}
        current = _Current(asked, scope.get("app"))
        token = _current.set(current)
        try:
            await self._route_of(function).app(scope, _again(body, request.receive), _nowhere)
        finally:
            _current.reset(token)
        return current.returned

    def _route_of(self, function: TaskFunction[..., Any]) -> APIRoute:
        """A route of its own: its endpoint takes what is injected."""
        route = self._routes.get(function.name)
        if route is None:
            route = self._routes[function.name] = _route(function)
        return route


@dataclass(slots=True)
class _Current:
    asked: Asked
    app: Any
    returned: Any = None


_current: ContextVar[_Current] = ContextVar("cloudtask_current")


class _Overrides:
    """The overrides of dependencies of whichever app serves the request."""

    @property
    def dependency_overrides(self) -> Any:
        return getattr(_current.get().app, "dependency_overrides", {})


def _route(function: TaskFunction[..., Any]) -> APIRoute:
    async def endpoint(**injected: Any) -> Response:
        current = _current.get()
        current.returned = await _run_function(current.asked, injected)
        return Response()

    parameters = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in function.arguments.injected]
    endpoint.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # which FastAPI reads
    endpoint.__name__ = endpoint.__qualname__ = function.name
    route = APIRoute("/", endpoint, methods=["POST"], response_model=None, dependency_overrides_provider=_Overrides())
    refuse_wrong_progress(route.dependant, function.function)
    return route


async def _run_function(asked: Asked, injected: dict[str, Any]) -> Any:
    function, values = asked
    return await run(lambda: function.call(values, injected), is_async=function.is_async, in_thread=run_in_threadpool)


async def _body(request: Request) -> bytes:
    """The body; of one that is longer than a task can have, so much that it shows."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            break
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """The request from its beginning: its body was read already."""
    read = False

    async def receive_again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def _nowhere(message: Message) -> None:
    """The response of a function's route is none: the queue gets the answer when all is done."""


def _failed(function: TaskFunction[..., Any], error: Exception) -> Answer:
    """The answer for a function, or a dependency of it, that raised."""
    if isinstance(error, HTTPException):
        note_raised(error)
        note("%s is answered with %s: %s", function.name, error.status_code, error.detail)
        try:
            return _as_raised(error)
        except Exception as unfit:  # what stands in it is the user's, and need not fit in a response
            return failed(function, unfit)
    if isinstance(error, RequestValidationError):
        note_raised(error)
        found = "; ".join(at_place(one["loc"], one["msg"]) for one in error.errors())
        note("what %s depends on cannot be resolved: %s", function.name, found)
        return refusal(422, found)
    return failed(function, error)


def _as_raised(error: HTTPException) -> Answer:
    """The answer that it stands for."""
    answer = refusal(error.status_code, error.detail, error.headers)
    for name, value in answer.headers.items():
        if not is_token(name) or not value.isprintable():
            raise ValueError(f"no response can have the header {name!r}: {value!r}")
        value.encode("latin-1")
    return answer if error.status_code not in _WITHOUT_BODY else Answer(answer.status, error.headers or {})
