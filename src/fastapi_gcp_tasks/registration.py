"""Binding an endpoint to the one route that makes it a task."""

from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute

from fastapi_gcp_tasks.fastapi_versions import MarkedMethods
from fastapi_gcp_tasks.options import TaskOptions
from gcptasks.worker.injected import name_injected

_REGISTERED = "__gcp_task__"


class Registration:
    """What an endpoint carries once it is a task."""

    def __init__(self, route: APIRoute, settle: Callable[[TaskOptions], None]) -> None:
        self.endpoint = route.endpoint
        self.route = route_label(route)
        self.settle = settle
        """Told the endpoint's new default options before they count; what it raises keeps the old ones."""


def adopt_copy(route: APIRoute, methods: object) -> bool:
    """Mark this route as well, if `include_router` made it, with these methods, of a task route; and whether it did."""
    if isinstance(methods, MarkedMethods) and methods.endpoint is route.endpoint:
        route.methods = methods
        return True
    return False


def registration_of(endpoint: Callable[..., Any]) -> Registration | None:
    """The endpoint's registration, if it is a task."""
    found = getattr(endpoint, _REGISTERED, None)
    # functools.wraps copies a function's attributes: a wrapper is another function.
    return found if isinstance(found, Registration) and found.endpoint is endpoint else None


def register(route: APIRoute, settle: Callable[[TaskOptions], None], **attributes: object) -> None:
    """Attach the attributes to the route's endpoint; `ValueError` if it is a task already."""
    endpoint = route.endpoint
    new = Registration(route, settle)
    if old := registration_of(endpoint):
        name = endpoint_label(endpoint)
        raise ValueError(f"{name} is already registered as a task at {old.route}, so it cannot be one at {new.route}")
    try:
        for name, value in {_REGISTERED: new, **attributes}.items():
            setattr(endpoint, name, value)
    except (AttributeError, TypeError):
        raise TypeError(f"{endpoint!r} cannot carry attributes such as .delay: make it a function") from None
    name_injected(endpoint)
    route.methods = MarkedMethods(route.methods or set(), endpoint)


def endpoint_label(endpoint: Callable[..., Any]) -> str:
    """What to call the endpoint in a message."""
    return getattr(endpoint, "__name__", None) or repr(endpoint)


def route_label(route: APIRoute) -> str:
    """Methods and path, such as `POST /hello`."""
    return f"{','.join(sorted(route.methods or ()))} {route.path}".lstrip()
