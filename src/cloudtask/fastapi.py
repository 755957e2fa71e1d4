"""Tasks as functions, served by FastAPI, which resolves their dependencies."""

from collections.abc import Callable
from contextvars import ContextVar
from inspect import Parameter, Signature
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive, Scope, Send

from cloudtask.arguments import Given
from cloudtask.client import CloudTaskClient
from cloudtask.functions import TaskFunction
from cloudtask.worker import Answer, Asked, Worker, failed

_ASKED = "cloudtask.asked"
"""Where in its scope a request has the call that it asks for."""
_GIVEN = "cloudtask_asked"
"""The parameter by which its endpoint gets it."""


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
        self._worker = Worker(client.settings, client.functions)
        self._routes_of: dict[str, APIRoute] = {}
        for path in ("/run", ""):
            self.add_api_route(path, self._run, methods=["POST"], name="run_task", include_in_schema=False)

    async def _run(self, request: Request) -> Response:
        body = await request.body()
        asked = self._worker.asked(body, request.headers, verified=True)
        if isinstance(asked, Answer):
            return _response(asked)
        return _Running(asked, self._route_of(asked.function), body)

    def _route_of(self, function: TaskFunction[..., Any]) -> APIRoute:
        route = self._routes_of.get(function.name)
        if route is None:
            route = self._routes_of[function.name] = _route(function)
        return route


class _Overrides:
    """The overrides of dependencies of whichever app serves the request."""

    app: ContextVar[Any] = ContextVar("app")

    @property
    def dependency_overrides(self) -> Any:
        return getattr(self.app.get(None), "dependency_overrides", {})


def _route(function: TaskFunction[..., Any]) -> APIRoute:
    """A route whose endpoint has the injected parameters, and calls the function with those and the data."""
    endpoint = _async_endpoint(function) if function.is_async else _endpoint(function)
    asked = Parameter(_GIVEN, Parameter.KEYWORD_ONLY, annotation=Annotated[Asked, Depends(_asked)])
    injected = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in function.arguments.injected]
    endpoint.__signature__ = Signature([asked, *injected])  # type: ignore[attr-defined]  # which FastAPI reads
    endpoint.__name__ = endpoint.__qualname__ = function.name
    return APIRoute("/", endpoint, methods=["POST"], response_model=None, dependency_overrides_provider=_Overrides())


def _async_endpoint(function: TaskFunction[..., Any]) -> Callable[..., Any]:
    async def run(**values: Any) -> Response:
        await function.call(*_call_of(function, values))
        return Response()

    return run


def _endpoint(function: TaskFunction[..., Any]) -> Callable[..., Any]:
    def run(**values: Any) -> Response:
        function.call(*_call_of(function, values))
        return Response()

    return run


def _call_of(function: TaskFunction[..., Any], values: dict[str, Any]) -> Given:
    asked: Asked = values.pop(_GIVEN)
    return function.arguments.with_injected(asked.given, values)


def _asked(request: Request) -> Asked:
    asked: Asked = request.scope[_ASKED]
    return asked


class _Running(Response):
    """The response that the function's route makes, or the one for its failure."""

    def __init__(self, asked: Asked, route: APIRoute, body: bytes) -> None:
        super().__init__()
        self._asked = asked
        self._route = route
        self._request_body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        inner: Scope = {
            **scope,
            _ASKED: self._asked,
            "path_params": {},
            "route": self._route,
            "endpoint": self._route.endpoint,
        }
        token = _Overrides.app.set(scope.get("app"))
        try:
            await self._route.app(inner, _again(self._request_body, receive), watched)
        except Exception as error:
            answer = failed(self._asked.function, error)
            if not started:
                await _response(answer)(scope, receive, send)
        finally:
            _Overrides.app.reset(token)


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


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers))
