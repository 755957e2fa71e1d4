"""What to call an endpoint and a route in a message."""

from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute


def endpoint_label(endpoint: Callable[..., Any]) -> str:
    """What to call the endpoint in a message."""
    return getattr(endpoint, "__name__", None) or repr(endpoint)


def route_label(route: APIRoute) -> str:
    """Methods and path, such as `POST /hello`."""
    return f"{','.join(sorted(route.methods or ()))} {route.path}".lstrip()
