"""The plan of a task: that of its route alone, or where an app of this process serves it, that of the route there."""

from typing import TYPE_CHECKING, cast

from fastapi.routing import APIRoute

from fastapi_gcp_tasks.encode import Plan, compile_plan, route_again
from fastapi_gcp_tasks.exception import BadMethodError, TaskRouteError
from fastapi_gcp_tasks.fastapi_versions import Dependant, with_dependencies
from fastapi_gcp_tasks.labels import endpoint_label, route_label
from gcptasks.base.http import METHODS

if TYPE_CHECKING:
    from fastapi_gcp_tasks.placed_plans import PlacedPlans
    from fastapi_gcp_tasks.surroundings import Order


class TaskPlans:
    """The plans of one route. `TypeError` for what no task can carry."""

    def __init__(self, route: APIRoute) -> None:
        self.route = route
        self._alone = _plan_alone(route)
        self._signature = _set_signature(route)
        """The one that the plan is made of."""
        self._placed: PlacedPlans | None = None
        """Those in apps of this process, once that was asked."""

    @property
    def alone(self) -> Plan | None:
        """The plan of the route itself; None if a prefix of an outer router has to name one of its path parameters."""
        if _set_signature(self.route) is not self._signature:
            # The endpoint was given another one since, as views of classes do.
            again = route_again(self.route, self.route.path, self.route.dependencies)
            self._alone, self._signature, self._placed = _plan_alone(again), _set_signature(self.route), None
        return self._alone

    def plan(self, method: str, base_url: str, orders: "list[Order] | None" = None) -> Plan:
        """The plan for a base URL; `TaskRouteError` where the task cannot run as an app of this process serves it.

        `orders` is what the apps serve, where that is known already.
        """
        alone = self.alone
        if self._placed is None:
            # Here, as a route need not know of apps to be registered.
            from fastapi_gcp_tasks.placed_plans import PlacedPlans

            self._placed = PlacedPlans(self.route, alone, method, base_url, orders)
        try:
            return self._placed.plan(base_url)
        except TaskRouteError:
            # What is wrong may be mended by then.
            self._placed = None
            raise

    def look_again(self) -> None:
        """See anew, at the next call, which apps serve the route."""
        self._placed = None


def task_method(route: APIRoute) -> str:
    """The route's HTTP method; `BadMethodError` unless it has exactly one that tasks can have."""
    match sorted(route.methods or ()):
        case [method] if method in METHODS:
            return method
        case [method]:
            problem = f"the method of a task cannot be {method}, only {', '.join(METHODS)}"
        case []:
            problem = "it has no method, but needs one"
        case methods:
            problem = f"it has the methods {', '.join(methods)}, but may have only one"
    raise BadMethodError(f"{endpoint_label(route.endpoint)} at {route_label(route)} cannot be a task: {problem}")


def _plan_alone(route: APIRoute) -> Plan | None:
    keys = {field.alias for one in with_dependencies(cast("Dependant", route.dependant)) for field in one.path_params}
    lacking = keys - route.param_convertors.keys()
    if not lacking:
        return compile_plan(route)
    # All else that no task can carry is refused now.
    path = route.path + "".join(f"/{{{key}}}" for key in sorted(lacking))
    compile_plan(route_again(route, path, route.dependencies))
    return None


def _set_signature(route: APIRoute) -> object:
    return getattr(route.endpoint, "__signature__", None)
