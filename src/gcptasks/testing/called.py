"""Which endpoint or function a request calls in the app under test, and with which arguments."""

import asyncio
import copy
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile
from starlette.responses import Response

from cloudtask.client import CloudTaskClient
from cloudtask.fastapi import CloudTaskRouter
from cloudtask.functions import TaskFunction
from cloudtask.message import Malformed, parsed
from fastapi_gcp_tasks.encode import route_again
from fastapi_gcp_tasks.encode.parameters import parameters
from fastapi_gcp_tasks.labels import endpoint_path
from fastapi_gcp_tasks.options import url_of
from fastapi_gcp_tasks.registration import registration_of
from fastapi_gcp_tasks.served_routes import ServedRoute, answer_to, http_scope, served_routes

_Reader = Callable[["Request"], Coroutine[Any, Any, Mapping[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the queue, as far as it says what is called."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.url).path)


@dataclass(frozen=True, slots=True)
class Call:
    """What a request calls, and how its arguments are read."""

    called: object
    """The endpoint, or the `TaskFunction`; the path if nobody knows it."""
    name: str
    """Of the endpoint or function, in full."""
    read: Callable[[], Coroutine[Any, Any, Mapping[str, Any] | None]]

    @property
    def label(self) -> str:
        return self.name.rpartition(".")[2] if "/" not in self.name else self.name


class CallFinder:
    """Finds what requests call in one app, or in one `CloudTaskClient`."""

    def __init__(self, app: object) -> None:
        self._app = app
        self._elsewhere: list[Callable[[Request], Call | None]] = []
        self._known: list[object] = []
        self._readers: dict[tuple[int, str], _Reader | None] = {}

    def know(self, target: object) -> None:
        """Find calls of this endpoint or function too, should another app than this one serve it."""
        if not isinstance(target, str) and not any(known is target for known in self._known):
            self._known.append(target)
            self._elsewhere.append(partial(self._call_elsewhere, target))

    def calls_of(self, requests: Iterable[Request]) -> list[Call]:
        """What each of them calls."""
        order = served_routes(self._app)
        return [self._call_of(request, order) for request in requests]

    def tasks(self) -> list[tuple[str, object]]:
        """The endpoints and functions of the app that are tasks, each with its full name."""
        if isinstance(self._app, CloudTaskClient):
            return list(self._app.functions.items())
        found: list[tuple[str, object]] = []
        for served in served_routes(self._app):
            endpoint: Any = getattr(served.route, "endpoint", None)
            router = getattr(endpoint, "__self__", None)
            if isinstance(router, CloudTaskRouter):
                found.extend(router.client.functions.items())
            elif endpoint is not None and registration_of(endpoint):
                found.append((endpoint_path(endpoint), endpoint))
        return found

    def _call_of(self, request: Request, order: list[ServedRoute]) -> Call:
        found = self._call_here(request, order)
        if found is None:
            found = next((call for find in self._elsewhere if (call := find(request)) is not None), None)
        return _unknown(request) if found is None else found

    def _call_here(self, request: Request, order: list[ServedRoute]) -> Call | None:
        if isinstance(self._app, CloudTaskClient):
            return _function_call(self._app, request)
        answer = answer_to(order, http_scope(request.method, request.path))
        if answer is None or not answer.whole or not isinstance(answer.served.route, APIRoute):
            return None
        endpoint: Any = answer.served.route.endpoint
        router = getattr(endpoint, "__self__", None)
        if isinstance(router, CloudTaskRouter):
            return _function_call(router.client, request)
        return Call(endpoint, endpoint_path(endpoint), partial(self._read, answer.served, request))

    def _call_elsewhere(self, target: Any, request: Request) -> Call | None:
        if isinstance(target, TaskFunction):
            return _call_of_function(cast("TaskFunction[..., Any]", target), request)
        registration = registration_of(target)
        if registration is None:
            return None
        route, base_url = registration.route, url_of(registration.task.own_options())
        path = request.path.removeprefix(urlsplit(base_url).path)
        if request.method not in (route.methods or ()) or not route.path_regex.match(path):
            return None
        served = ServedRoute(route, "", tuple(route.dependencies), ())
        return Call(target, endpoint_path(target), partial(self._read, served, _moved(request, path)))

    async def _read(self, served: ServedRoute, request: Request) -> Mapping[str, Any] | None:
        key = id(served.route), served.path
        if key not in self._readers:
            self._readers[key] = _reader(served)
        read = self._readers[key]
        return None if read is None else await read(request)


def _function_call(client: CloudTaskClient, request: Request) -> Call | None:
    calls = (_call_of_function(function, request) for function in client.functions.values())
    return next((call for call in calls if call is not None), None)


def arguments_of(calls: Iterable[Call]) -> list[Mapping[str, Any] | None]:
    """The arguments of each; None where they cannot be read.

    FastAPI reads them, which takes an event loop. There may be one in this thread already, so it is done in another.
    """

    async def read_all() -> list[Mapping[str, Any] | None]:
        return [await call.read() for call in calls]

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, read_all()).result()


def _unknown(request: Request) -> Call:
    name = f"{request.method} {request.path}"

    async def read() -> None:
        return None

    return Call(name, name, read)


def _moved(request: Request, path: str) -> Request:
    url = urlsplit(request.url)
    return Request(request.method, url._replace(path=path).geturl(), request.headers, request.body)


def _call_of_function(function: TaskFunction[..., Any], request: Request) -> Call | None:
    try:
        message = parsed(request.body)
    except Malformed:
        return None
    if message.path != function.name:
        return None

    async def read() -> Mapping[str, Any] | None:
        try:
            return function.read(message.args, message.kwargs)
        except Exception:  # a validator of the user's may raise anything
            return None

    return Call(function, function.name, read)


def _reader(served: ServedRoute) -> "_Reader | None":
    """What has FastAPI read the arguments of an endpoint, without calling it or what it depends on."""
    route: Any = served.route
    try:
        declared = [
            one for one in parameters(route_again(route, served.inner_path, served.dependencies)) if one.can_be_sent()
        ]
    except TypeError:  # a plain route of which no task can be made
        return None
    own = inspect.signature(route.endpoint).parameters
    defaults = {one.name: one.default for one in declared}
    read: list[Mapping[str, Any]] = []

    async def keep(**values: Any) -> Response:
        read.append({name: _kept(value) for name, value in values.items() if name in own or value != defaults[name]})
        return Response()

    keep.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # which FastAPI reads
        [
            inspect.Parameter(
                one.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=copy.copy(one.info),
                annotation=one.info.annotation,
            )
            for one in declared
        ]
    )
    reader = FastAPI(openapi_url=None)
    reader.add_api_route(served.path, keep, methods=list(route.methods), response_model=None)

    async def read_arguments(request: Request) -> Mapping[str, Any] | None:
        try:
            await reader(_scope(request), _receiving(request.body), _nowhere)
        except Exception:  # a validator of the user's may raise anything
            return None
        # What FastAPI refuses, the endpoint does not get either.
        return read.pop() if read else None

    return read_arguments


def _kept(value: Any) -> Any:
    """The value, as it stays when its request is over: then FastAPI closes what was uploaded."""
    if issubclass(type(value), list):
        return [_kept(one) for one in value]
    if not isinstance(value, UploadFile):
        return value
    return type(value)(BytesIO(value.file.read()), size=value.size, filename=value.filename, headers=value.headers)


def _scope(request: Request) -> dict[str, Any]:
    return {
        **http_scope(request.method, request.path),
        "query_string": urlsplit(request.url).query.encode(),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()
        ],
        "http_version": "1.1",
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 0),
        "scheme": "http",
    }


def _receiving(body: bytes) -> Callable[[], Coroutine[Any, Any, dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _nowhere(message: object) -> None:
    """What the reader answers is of no interest."""
