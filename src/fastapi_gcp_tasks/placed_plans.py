"""Plans of a route that apps of this process serve."""

import gc
from typing import Any, NamedTuple

from fastapi.routing import APIRoute

from fastapi_gcp_tasks.encode import Plan, compile_plan
from fastapi_gcp_tasks.exception import TaskRouteError
from fastapi_gcp_tasks.labels import endpoint_label
from fastapi_gcp_tasks.shadows import Shadow, asked_before, shadows_of, unshadowed, who_shadows
from fastapi_gcp_tasks.surroundings import Order, Placement, base_in, changes_plan, orders_in_process, placements


class Place(NamedTuple):
    """What calls must know of a placement. It keeps no app alive."""

    where: str
    base: str
    declares: tuple[Any, ...]
    plan: Plan | None
    fault: str
    """Why there is no plan."""
    shadows: list[Shadow]


class PlacedPlans:
    """The plans of one route at all its places in the apps of this process; `alone`, its own, if it has none.

    `alone` is None if an outer prefix has to name one of its path parameters.
    """

    def __init__(
        self, route: APIRoute, alone: Plan | None, method: str, base_url: str, orders: list[Order] | None = None
    ) -> None:
        self._route = route
        self._alone = alone
        self._method = method
        self._places = self._find(orders_in_process() if orders is None else orders)
        if not agree(fitting(self._places, base_url)):
            # One of the apps may be gone, and only not collected yet.
            gc.collect()
            self._places = self._find(orders_in_process())

    def plan(self, base_url: str) -> Plan:
        """The plan for a base URL.

        `TaskRouteError` if it cannot be carried there, or is not reached, or the base URL does not tell which is meant.
        """
        places = fitting(self._places, base_url)
        if not agree(places):
            raise TaskRouteError(differ_fault(self._route, places, base_url))
        plan = self._alone
        for place in places:
            if place.plan is None:
                raise TaskRouteError(place.fault)
            plan = place.plan
        if plan is None:
            raise TaskRouteError(
                f"{endpoint_label(self._route.endpoint)}: the path {self._route.path} does not name all of its path "
                "parameters, and no app of this process has the route with a prefix that does. Include its router in "
                "an app, or give the prefix to the router itself"
            )
        return unshadowed(plan, self._method, [shadow for place in places for shadow in place.shadows], base_url)

    def _find(self, orders: list[Order]) -> list[Place]:
        found = placements(self._route, orders)
        return [place_of(self._route, self._alone, one, self._method) for one in found]


def place_of(route: APIRoute, alone: Plan | None, placement: Placement, method: str) -> Place:
    """The placement, its plan made."""
    plan, fault = None, ""
    before = list(asked_before(placement, method))
    if shadow := who_shadows(placement, before, method):
        name = endpoint_label(route.endpoint)
        fault = f"{name} at {placement} is never reached: {shadow} answers first. Include the task before that"
    else:
        try:
            plan = compile_plan(placement.route) if alone is None or changes_plan(route, placement) else alone
        except TypeError as error:
            fault = f"{error} (so it is with what surrounds it at {placement})"
    return Place(str(placement), placement.base, placement.declares, plan, fault, shadows_of(placement, before))


def fitting(places: list[Place], base_url: str) -> list[Place]:
    """Those to which a base URL leads, so far as its path tells."""
    if len(places) < 2:
        return places
    fit = [(len(end), one) for one in places if (end := base_in(base_url, one.base)) is not None]
    longest = max((length for length, _ in fit), default=0)
    return [one for length, one in fit if length == longest] or places


def agree(places: list[Place]) -> bool:
    """Whether all have the same plan."""
    return all(one.declares == places[0].declares for one in places[1:])


def differ_fault(route: APIRoute, places: list[Place], base_url: str) -> str:
    """What to say of a task for which nobody knows which plan counts."""
    where = " and ".join(dict.fromkeys(one.where for one in places))
    return (
        f"{endpoint_label(route.endpoint)} is served in different ways, at {where}: other dependencies or path "
        f"parameters surround it there, and the base URL {base_url} does not tell which is meant. "
        "Give all the same, or include the router once"
    )
