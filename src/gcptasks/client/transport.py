"""Transports of our own under Google's client classes.

Users keep those classes, and the exceptions that they raise; only what carries a call to the service is ours.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache, cached_property
from importlib import import_module
from inspect import getmembers
from typing import Any, TypeVar

from google.auth.credentials import AnonymousCredentials
from google.cloud.location import locations_pb2
from google.longrunning import operations_pb2

from gcptasks.base.errors import TaskError
from gcptasks.client.api import Api
from gcptasks.wire.google_errors import as_google

Client = TypeVar("Client")
AsyncClient = TypeVar("AsyncClient")

Carry = Callable[[str, Any], Any]
"""Carries a call: the raw response to a method's path and a raw request. It refuses by `gcptasks.base.errors`."""
AsyncCarry = Callable[[str, Any], Awaitable[Any]]
"""The same, async."""
Rpc = Callable[..., Any]
"""What a client calls for one of its methods."""

_NO_METHODS = frozenset(["host", "kind", "operations_client"])
"""The properties of Google's transports that hold no method."""
_MIXED_IN: Mapping[str, str] = {
    method.name: service.full_name
    for service in (
        locations_pb2.DESCRIPTOR.services_by_name["Locations"],
        operations_pb2.DESCRIPTOR.services_by_name["Operations"],
    )
    for method in service.methods
}
"""The methods of other APIs that Google puts into the clients of all, and whose they are."""


def client_over(api: Api[Client, Any], carry: Carry, host: str) -> Client:
    """Google's client of that API, its calls made by `carry`; `host` is what it says that it talks to."""
    wrappers = _Wrappers(api)

    def rpc_of(path: str) -> Rpc:
        def rpc(request: Any, **options: Any) -> Any:
            try:
                response = carry(path, _raw(request))
            except TaskError as error:
                raise as_google(error) from error
            return wrappers[type(response)](response)

        return rpc

    made: Client = api.client_class()(transport=_transport_class(api, _Transport)(rpc_of, host))
    return made


def async_client_over(api: Api[Any, AsyncClient], carry: AsyncCarry, host: str) -> AsyncClient:
    """The same, async."""
    wrappers = _Wrappers(api)

    def rpc_of(path: str) -> Rpc:
        async def rpc(request: Any, **options: Any) -> Any:
            try:
                response = await carry(path, _raw(request))
            except TaskError as error:
                raise as_google(error) from error
            return wrappers[type(response)](response)

        return rpc

    made: AsyncClient = api.async_client_class()(transport=_transport_class(api, _AsyncTransport)(rpc_of, host))
    return made


def _raw(request: Any) -> Any:
    # The messages of some packages, such as google.cloud.location, are raw already.
    pb = getattr(request.__class__, "pb", None)
    return request if pb is None else pb(request)


class _Wrappers(dict[type[Any], Callable[[Any], Any]]):
    """What makes of a raw response what Google's client returns, by the response's class."""

    def __init__(self, api: Api[Any, Any]) -> None:
        self._package = api.service.rpartition(".")[0]
        self._classes = import_module(api.client.module)

    def __missing__(self, message: type[Any]) -> Callable[[Any], Any]:
        # What is of another package, such as google.protobuf.Empty, is raw in Google's own clients too.
        if message.DESCRIPTOR.file.package == self._package:
            self[message] = getattr(self._classes, message.DESCRIPTOR.name).wrap
        else:
            self[message] = _as_it_is
        return self[message]


def _as_it_is(response: Any) -> Any:
    return response


class _Transport:
    """What all transports of ours are beside Google's own base class, which knows the methods."""

    kind = "ours"

    def __init__(self, rpc_of: Callable[[str], Rpc], host: str) -> None:
        self.rpc_of = rpc_of
        super().__init__(credentials=AnonymousCredentials(), host=host)  # type: ignore[call-arg]  # Google's base
        self._wrapped_methods = _AsTheyAre()

    @property
    def operations_client(self) -> "_Operations":
        """What Google's client asks for an operation that it returned."""
        return _Operations(self.rpc_of)

    def close(self) -> None:
        """Nothing is open."""


class _Operations:
    """The calls on operations that Google's futures make; each is awaited where the transport's are."""

    def __init__(self, rpc_of: Callable[[str], Rpc]) -> None:
        self._rpc_of = rpc_of

    def get_operation(self, name: str, **options: Any) -> Any:
        return self._call("GetOperation", operations_pb2.GetOperationRequest(name=name))

    def cancel_operation(self, name: str, **options: Any) -> Any:
        return self._call("CancelOperation", operations_pb2.CancelOperationRequest(name=name))

    def _call(self, method: str, request: Any) -> Any:
        return self._rpc_of(f"/{_MIXED_IN[method]}/{method}")(request)


class _AsyncTransport(_Transport):
    async def close(self) -> None:  # type: ignore[override]  # as Google's are
        """Nothing is open."""


class _AsTheyAre(dict[Rpc, Rpc]):
    """Google wraps each method in retries and timeouts. Ours needs none of them: what carries calls sees to it."""

    def __missing__(self, rpc: Rpc) -> Rpc:
        return rpc


@cache
def _transport_class(api: Api[Any, Any], ours: type[_Transport]) -> Any:
    """The class that Google's client takes for a transport of its own: every method of it asks `rpc_of`."""
    base = api.client.load().get_transport_class("grpc").__base__
    names = [name for name, _ in getmembers(base, _is_property) if name not in _NO_METHODS]
    return type(ours.__name__, (ours, base), {name: _method(_path(api, name)) for name in names})


def _is_property(member: object) -> bool:
    return isinstance(member, property)


def _path(api: Api[Any, Any], attribute: str) -> str:
    """The path of the method that a transport has under that name, such as `create_task`."""
    name = "".join(part.capitalize() for part in attribute.split("_"))
    return f"/{_MIXED_IN.get(name, api.service)}/{name}"


def _method(path: str) -> "cached_property[Rpc]":
    def rpc(transport: _Transport) -> Rpc:
        return transport.rpc_of(path)

    return cached_property(rpc)
