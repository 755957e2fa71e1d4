"""What `.delay` and `.options` of an endpoint do."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar

from fastapi.routing import APIRoute

from fastapi_gcp_tasks.decorators import defaults_of
from fastapi_gcp_tasks.encode import Encoded, Plan
from fastapi_gcp_tasks.exception import BadMethodError
from fastapi_gcp_tasks.options import NO_OPTIONS, TaskOptions, task_options
from fastapi_gcp_tasks.registration import label, place
from fastapi_gcp_tasks.sender import AsyncSender, Sender
from fastapi_gcp_tasks.task_request import TaskRequests
from gcptasks.base.unset import UNSET, merged

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import Task

S = TypeVar("S", Sender, AsyncSender)

_METHODS = ("POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")


class _Bound(NamedTuple):
    """What a call needs besides its arguments; made at the first call, as it imports Google's client."""

    requests: TaskRequests
    client: Callable[[], Any]
    options: TaskOptions


class _Delayed(Generic[S]):
    """Creates tasks of one endpoint, with its own options or with those of a call over them."""

    def __init__(self, route: APIRoute, plan: Plan, sender: S, over: TaskOptions = NO_OPTIONS) -> None:
        self._route = route
        self._plan = plan
        self._sender: S = sender
        self._over = over
        self._bound: _Bound | None = None

    def settle(self, defaults: TaskOptions) -> None:
        """The endpoint's default options are these from now on; `TypeError` for the wrong kind of client."""
        if defaults.client is not UNSET:
            self._sender.check(defaults.client)
        self._bound = None

    def options(self, /, **options: Any) -> Self:
        """The same with these options over the others, for calls of its `.delay`."""
        layer = task_options(options)
        if layer.client is not UNSET:
            self._sender.check(layer.client)
        return type(self)(self._route, self._plan, self._sender, merged(self._over, layer))

    def _encode(self, args: tuple[Any, ...], values: Mapping[str, Any]) -> Encoded:
        if args:
            raise TypeError(f"{label(self._route.endpoint)}.delay takes the endpoint's arguments by keyword")
        return self._plan.encode(values)

    def _bind(self) -> _Bound:
        method = task_method(self._route)
        options = merged(merged(self._sender.options, defaults_of(self._route.endpoint)), self._over)
        self._bound = bound = _Bound(TaskRequests(method, options), self._sender.client_of(options.client), options)
        return bound


class Delayed(_Delayed[Sender]):
    """Creates tasks of one endpoint."""

    def delay(self, /, *args: Any, **values: Any) -> "Task":
        """Create a task that calls the endpoint with these arguments."""
        encoded = self._encode(args, values)
        bound = self._bound or self._bind()
        request = bound.requests.make(encoded)
        return self._sender.send(request, bound.client(), bound.options)


class AsyncDelayed(_Delayed[AsyncSender]):
    """Creates tasks of one endpoint, without holding up the event loop."""

    async def delay(self, /, *args: Any, **values: Any) -> "Task":
        """Create a task that calls the endpoint with these arguments."""
        encoded = self._encode(args, values)
        bound = self._bound or self._bind()
        request = bound.requests.make(encoded)
        return await self._sender.send(request, bound.client(), bound.options)


def task_method(route: APIRoute) -> str:
    """The route's HTTP method; `BadMethodError` unless it has exactly one that tasks can have."""
    match sorted(route.methods or ()):
        case [method] if method in _METHODS:
            return method
        case [method]:
            problem = f"no task can be sent by {method}, only by {', '.join(_METHODS)}"
        case []:
            problem = "it has no method, and a task is sent by one"
        case methods:
            problem = f"it has the methods {', '.join(methods)}, and a task is sent by one"
    raise BadMethodError(f"{label(route.endpoint)} at {place(route)} cannot be a task: {problem}")
