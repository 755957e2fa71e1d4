"""The plan of a task: that of its route alone, or where an app of this process serves it, that of the route there."""

from typing import TYPE_CHECKING

from fastapi.routing import APIRoute

from fastapi_gcp_tasks.encode import Plan, compile_plan, plan_again

if TYPE_CHECKING:
    from fastapi_gcp_tasks.placed_plans import PlacedPlans
    from fastapi_gcp_tasks.surroundings import Order


class TaskPlans:
    """The plans of one route. `TypeError` for what no task can carry."""

    def __init__(self, route: APIRoute) -> None:
        self.route = route
        self._alone = compile_plan(route)
        self._signature = _set_signature(route)
        """The one that the plan is made of."""
        self._placed: PlacedPlans | None = None
        """Those in apps of this process, once that was asked."""

    @property
    def alone(self) -> Plan:
        """The plan of the route itself."""
        if _set_signature(self.route) is not self._signature:
            # The endpoint was given another one since, as views of classes do.
            self._alone, self._signature, self._placed = plan_again(self.route), _set_signature(self.route), None
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
        return self._placed.plan(base_url)

    def look_again(self) -> None:
        """See anew, at the next call, which apps serve the route."""
        self._placed = None


def _set_signature(route: APIRoute) -> object:
    return getattr(route.endpoint, "__signature__", None)
