"""Binding an endpoint to the one route that makes it a task."""

from collections.abc import Callable
from typing import Any, Protocol

from fastapi.routing import APIRoute

from fastapi_gcp_tasks.fastapi_versions import MarkedMethods
from fastapi_gcp_tasks.labels import endpoint_label, route_label
from fastapi_gcp_tasks.options import EndpointOptions, TaskOptions
from fastapi_gcp_tasks.task_plans import TaskPlans
from gcptasks.worker.injected import name_injected

_REGISTERED = "__gcp_task__"


class Task(Protocol):
    """What makes tasks, or jobs, of an endpoint."""

    plans: TaskPlans

    def settle(self, defaults: TaskOptions) -> None:
        """The endpoint's default options are these from now on; what it raises keeps the old ones."""
        ...

    def look_again(self) -> None:
        """See anew, at the next call, which apps serve the route."""
        ...

    def own_options(self) -> EndpointOptions:
        """The options of its calls, so far as no call says otherwise. The base URL is not asked for yet."""
        ...


class Registration:
    """What an endpoint carries once it is a task."""

    def __init__(self, route: APIRoute, task: Task) -> None:
        self.endpoint = route.endpoint
        self.route = route
        self.task = task


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


def register(route: APIRoute, task: Task, **attributes: object) -> None:
    """Attach the attributes to the route's endpoint; `ValueError` if it is a task already."""
    endpoint = route.endpoint
    if old := registration_of(endpoint):
        name, there, here = endpoint_label(endpoint), route_label(old.route), route_label(route)
        raise ValueError(f"{name} is already registered as a task at {there}, so it cannot be one at {here}")
    try:
        for name, value in {_REGISTERED: Registration(route, task), **attributes}.items():
            setattr(endpoint, name, value)
    except (AttributeError, TypeError):
        raise TypeError(f"{endpoint!r} cannot carry attributes such as .delay: make it a function") from None
    name_injected(endpoint)
    route.methods = MarkedMethods(route.methods or set(), endpoint)
