"""What surrounds a task's route in the apps of this process, and the plan that follows from it.

Outer routers, and the app, bring path prefixes and dependencies, of which the route itself knows nothing. So where an
app of this process serves it, the plan is that of a route with all of them.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit

from fastapi.exceptions import FastAPIError
from fastapi.routing import APIRoute
from starlette.routing import compile_path

from fastapi_gcp_tasks import fastapi_versions as versions
from fastapi_gcp_tasks.apps import apps_in_process
from fastapi_gcp_tasks.encode import route_again
from fastapi_gcp_tasks.exception import TaskRouteError
from fastapi_gcp_tasks.labels import endpoint_label
from fastapi_gcp_tasks.served_routes import ServedRoute, served_routes
from fastapi_gcp_tasks.task_route import TaskRoute

_PLACES = ("path_params", "query_params", "header_params", "cookie_params", "body_params")


class Placement(NamedTuple):
    """One place at which an app serves a task."""

    served: ServedRoute
    order: list[ServedRoute]
    """All that its app serves."""
    base: str
    """What stands before the callback path. It belongs into the base URL."""
    route: APIRoute
    """The task's route as it would be with all that surrounds it. Its path is the callback path."""
    declares: tuple[Any, ...]
    """What a plan follows from: equal for two placements that have the same."""

    def __str__(self) -> str:
        methods = ",".join(sorted(self.route.methods or ()))
        return f"{methods} {self.served.path}".lstrip()


Order = list[ServedRoute]
"""All that an app serves, in the order in which it is asked."""


def placements(route: APIRoute, orders: Iterable[Order]) -> list[Placement]:
    """Where the route of a task is among all that apps serve; `TaskRouteError` where FastAPI cannot serve it."""
    return [found for order in orders for found in _placements(route, order)]


def orders_in_process() -> list[Order]:
    """What each app of this process serves; an app that is mounted in another counts as a part of that."""
    orders = {id(app): served_routes(app) for app in apps_in_process()}
    mounted = {id(step.app) for order in orders.values() for served in order for step in served.through}
    return [order for app, order in orders.items() if app not in mounted]


def base_in(base_url: str, base: str) -> str | None:
    """The end of a base URL that is the base of a placement, parameters of mounts filled in; None if it has none."""
    path = unquote(urlsplit(base_url).path)
    if "{" not in base:
        return base if path.endswith(base) else None
    end = "/" + "/".join(path.split("/")[-base.count("/") :])
    return end if compile_path(base)[0].match(end) else None


def changes_plan(route: APIRoute, placement: Placement) -> bool:
    """Whether something that surrounds the route there changes its plan."""
    return placement.declares != _declares(route)


def _placements(route: APIRoute, order: Order) -> Iterator[Placement]:
    for served in order:
        # The endpoint may be on a plain route as well.
        if isinstance(served.route, TaskRoute) and served.route.endpoint is route.endpoint:
            outer = served.inner_path.removesuffix(route.path)
            base, rest = _cut(outer)
            try:
                whole = route_again(route, rest + route.path, served.dependencies)
            except (AssertionError, FastAPIError) as error:
                # From 0.137 on FastAPI itself finds it at the first request.
                raise TaskRouteError(
                    f"{endpoint_label(route.endpoint)} cannot be served at {served}: {error}"
                ) from None
            yield Placement(served, order, served.mounts + base, whole, _declares(whole))


def _cut(prefix: str) -> tuple[str, str]:
    """The prefix before and from the first segment with a parameter on."""
    brace = prefix.find("{")
    at = len(prefix) if brace < 0 else prefix.rfind("/", 0, brace)
    return prefix[:at], prefix[at:]


def _declares(route: APIRoute) -> tuple[Any, ...]:
    dependant = cast("versions.Dependant", route.dependant)
    fields = [
        (place, field.name, field.alias, field.field_info.annotation, repr(field.field_info))
        for one in versions.with_dependencies(dependant)
        for place in _PLACES
        for field in cast("list[versions.Field]", getattr(one, place))
    ]
    return route.path, versions.embeds_body(dependant), *fields
