"""Google's client classes, with a shorter way for the call of which there are many.

What Google puts around a call costs several times what the call needs, and is the same each time: it looks at how the
arguments were given, wraps the stub in a timeout and in retries, and puts the metadata together. A call as we make it,
of a request and a timeout alone, goes to the channel at once, with the same bytes and the same metadata on the wire.
Any other is Google's, and so is each client's first, which checks what need be checked only once, and so are all while
Google's transport logs its calls, or somebody has patched Google's method.

A client of the service of this process has a way that is shorter still, for callers of ours: `straight_way`.
"""

import logging
import os
from collections.abc import Callable
from functools import cache, lru_cache, wraps
from importlib import import_module
from inspect import iscoroutinefunction, signature
from types import new_class
from typing import Any, NamedTuple

_TRACED = "GOOGLE_SDK_EXPERIMENTAL_PYTHON_TRACING_ENABLED"
"""Where it is set, Google's clients trace their calls: in what they put around them."""
_PARENTS = 256
"""How many are remembered, with the metadata that calls for them carry."""


class BareCall(NamedTuple):
    """The call of an API that goes the shorter way."""

    method: str
    """Of the client, which sends the request's `parent` as metadata."""
    path: str
    """What it is called on the wire."""
    request: str
    """The class of its request."""
    response: str


def with_bare_call(client: Any, bare: BareCall) -> Any:
    """A subclass of that class of Google's, sync or async, in which this call goes the shorter way."""
    return client if os.environ.get(_TRACED) else _subclass(client, bare)


class _Made(NamedTuple):
    """What a subclass was made of."""

    cls: Any
    """Google's."""
    name: str
    """Of the method."""
    googles: Any
    """Its method."""
    shorter: Any
    """The one in its place."""

    def is_intact(self) -> bool:
        """Whether nobody has patched Google's class."""
        return getattr(self.cls, self.name) is self.googles


@cache
def _subclass(cls: Any, bare: BareCall) -> Any:
    def beneath(client: Any) -> Any:
        return getattr(super(subclass, client), bare.method)  # pyright: ignore[reportUnknownArgumentType]  # made below

    made = _shorter(cls, bare, beneath)
    members = {
        "__module__": cls.__module__,
        "_bare_stub": None,
        "_made": made,
        "_straight_way": None,
        bare.method: made.shorter,
    }
    subclass: Any = new_class(cls.__name__, (cls,), exec_body=lambda namespace: namespace.update(members))
    return subclass


def open_straight_way(client: Any, way: Callable[[Any], Any]) -> None:
    """Have `straight_way` give this for the client."""
    client._straight_way = way


def straight_way(client: Any) -> Callable[[Any], Any] | None:
    """What makes the call without a message of Google's, sync or async as the client is; None if it has no such way.

    Nor has a client whose method is not as it was made here: one of a subclass, a mock, or with the method patched.
    """
    made: _Made | None = type(client).__dict__.get("_made")
    if made is None:
        return None
    cls, name, googles, shorter = made
    # The second for Google's class, which may be patched too.
    if getattr(getattr(client, name, None), "__func__", None) is shorter and getattr(cls, name) is googles:
        return client._straight_way  # type: ignore[no-any-return]  # as open_straight_way takes it
    return None


def _shorter(cls: Any, bare: BareCall, beneath: Callable[[Any], Any]) -> _Made:
    """The method in the place of Google's, sync or async as that is; `beneath` gets that one of a client."""
    from google.api_core import exceptions
    from google.api_core.gapic_v1.method import DEFAULT
    from grpc import RpcError

    as_googles: Any = exceptions  # not all of it is typed
    name = bare.method
    google = getattr(cls, name)
    request_class = getattr(_package(cls), bare.request)
    metadata = _metadata_of_calls(cls)
    is_logged = logging.getLogger(cls.get_transport_class("grpc").__module__).isEnabledFor

    def is_googles(client: Any, request: Any, timeout: Any, more: object) -> bool:
        return (
            bool(more)
            or timeout is DEFAULT
            or type(request) is not request_class
            or client._bare_stub is None
            or getattr(cls, name) is not google
            or is_logged(logging.DEBUG)
        )

    def begun(client: Any, request: Any, timeout: Any) -> Any:
        parent = request_class.pb(request).parent
        return client._bare_stub(request, timeout=timeout, metadata=metadata(parent))

    @wraps(google)
    def call(client: Any, request: Any = None, *, timeout: Any = DEFAULT, **more: Any) -> Any:
        if is_googles(client, request, timeout, more):
            answer = beneath(client)(request=request, timeout=timeout, **more)
            _keep_stub(client, bare, made)
            return answer
        try:
            return begun(client, request, timeout)
        except RpcError as error:
            raise as_googles.from_grpc_error(error) from error

    @wraps(google)
    async def async_call(client: Any, request: Any = None, *, timeout: Any = DEFAULT, **more: Any) -> Any:
        if is_googles(client, request, timeout, more):
            answer = await beneath(client)(request=request, timeout=timeout, **more)
            _keep_stub(client, bare, made)
            return answer
        try:
            return await begun(client, request, timeout)
        except RpcError as error:
            raise as_googles.from_grpc_error(error) from error

    made = _Made(cls, name, google, async_call if iscoroutinefunction(google) else call)
    return made


def _keep_stub(client: Any, bare: BareCall, made: _Made) -> None:
    """Go the shorter way from the next call on, if this was Google's."""
    if client._bare_stub is None and made.is_intact():
        client._bare_stub = _bare_stub(client, bare)


def _bare_stub(client: Any, bare: BareCall) -> Any:
    """What sends the request."""
    cls = client.__class__
    transport = client.transport
    if type(transport) is not cls.get_transport_class("grpc"):
        return getattr(transport, bare.method)
    # Not the transport's own, which makes one for each call, so that it can log it.
    request, response = getattr(_package(cls), bare.request), getattr(_package(cls), bare.response)
    return transport.grpc_channel.unary_unary(
        bare.path, request_serializer=request.serialize, response_deserializer=response.deserialize
    )


def _package(cls: Any) -> Any:
    return import_module(cls.__module__.partition(".services.")[0])


def _metadata_of_calls(client: Any) -> Callable[[str], Any]:
    """What Google's client sends along with a call for a parent."""
    from google.api_core.gapic_v1 import routing_header

    routing: Any = routing_header  # not all of it is typed
    info = signature(client).parameters["client_info"].default.to_grpc_metadata()

    @lru_cache(maxsize=_PARENTS)
    def metadata(parent: str) -> Any:
        return (info, routing.to_grpc_metadata((("parent", parent),)))

    return metadata
