"""What to call an endpoint and a route in a message."""

from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute


def endpoint_label(endpoint: Callable[..., Any]) -> str:
    """What to call the endpoint in a message."""
    return getattr(endpoint, "__name__", None) or repr(endpoint)


def endpoint_path(endpoint: Callable[..., Any]) -> str:
    """The full name of the endpoint, `module.function`, by which the records of its tasks know it."""
    named = endpoint if hasattr(endpoint, "__qualname__") else type(endpoint)
    return f"{named.__module__}.{named.__qualname__}"


def route_label(route: APIRoute) -> str:
    """Methods and path, such as `POST /hello`."""
    return f"{','.join(sorted(route.methods or ()))} {route.path}".lstrip()
