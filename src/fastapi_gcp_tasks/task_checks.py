"""Whether the tasks of an app can run as the app serves them."""

import gc
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from starlette.applications import Starlette

from fastapi_gcp_tasks.apps import see
from fastapi_gcp_tasks.exception import BadMethodError, TaskRouteError
from fastapi_gcp_tasks.labels import endpoint_label, route_label
from fastapi_gcp_tasks.options import EndpointOptions, url_of
from fastapi_gcp_tasks.placed_plans import agree, fitting, place_of
from fastapi_gcp_tasks.registration import Registration, registration_of
from fastapi_gcp_tasks.served_routes import answer_to, app_inside, http_scope, root_path_of, served_routes
from fastapi_gcp_tasks.shadows import filled, is_same
from fastapi_gcp_tasks.surroundings import Order, Placement, orders_in_process, placements
from fastapi_gcp_tasks.task_plans import task_method
from fastapi_gcp_tasks.task_route import TaskRoute
from gcptasks.base.errors import Unreachable
from gcptasks.runtime.targets.address import AppUrl, parse_app_url, parse_url

LeadsHere = Callable[[str], bool]
"""Whether a URL leads into the app that is checked."""


class CheckedTask(NamedTuple):
    """What was found of one task."""

    registration: Registration
    options: EndpointOptions
    base_url: str | None
    """None if it is not known yet: what is asked for it raised an error."""
    is_here: bool
    """Whether its base URL leads into the app, so that its callback path was checked."""
    faults: tuple[str, ...]


def check_tasks(app: object, *, app_url: str | None = None) -> None:
    """Raise `TaskRouteError`, which lists all faults, unless each task of the app can run as the app serves it.

    For a lifespan or a test, once all routers are included. A task has a fault if its route has not one method, if what
    surrounds it declares what no task can carry, if another route always answers in its place, or if it is served in
    different ways, by this app or others of this process, and its base URL does not tell which is meant.

    `app_url`: where this app is served. A task whose base URL is that, or below it, must be answered by its endpoint.
    """
    leads_here = None if app_url is None else leads_below(parse_app_url(app_url))
    faults = [fault for task in examine(app, leads_here) for fault in task.faults]
    if faults:
        raise TaskRouteError(*faults)


def leads_below(app: AppUrl) -> LeadsHere:
    """Tells whether a URL is an app's, or below it."""

    def leads_here(url: str) -> bool:
        try:
            address = parse_url(url)
        except Unreachable:
            return False
        return address.origin == app.origin and f"{address.path}/".startswith(f"{app.path}/")

    return leads_here


def examine(app: object, leads_here: LeadsHere | None) -> list[CheckedTask]:
    """What is found of each task of the app."""
    if isinstance(inside := app_inside(app), Starlette):
        see(inside)
    found = _examine(app, leads_here)
    if any(task.faults for task in found):
        # Another app may be gone, and only not collected yet.
        gc.collect()
        found = _examine(app, leads_here)
    return found


def _examine(app: object, leads_here: LeadsHere | None) -> list[CheckedTask]:
    order, orders = served_routes(app), orders_in_process()
    found: dict[int, Registration] = {}
    for served in order:
        if isinstance(served.route, TaskRoute) and (registration := registration_of(served.route.endpoint)):
            found[id(registration)] = registration
    return [_Examination(app, order, orders, one).result(leads_here) for one in found.values()]


class _Examination:
    """Of one task."""

    def __init__(self, app: object, order: Order, orders: list[Order], registration: Registration) -> None:
        self._app = app
        self._order = order
        self._orders = orders
        self._registration = registration
        self._route = registration.route
        self._task = registration.task

    def result(self, leads_here: LeadsHere | None) -> CheckedTask:
        self._task.look_again()
        options = self._task.own_options()
        try:
            base_url = url_of(options)
        except Exception:  # the user's own function, whose settings may come later
            base_url = None
        is_here = base_url is not None and leads_here is not None and leads_here(base_url + self._route.path)
        try:
            faults = self._faults(task_method(self._route), base_url, is_here=is_here)
        except BadMethodError as error:
            faults = [str(error)]
        except TaskRouteError as error:
            faults = list(error.faults)
        return CheckedTask(self._registration, options, base_url, is_here, tuple(dict.fromkeys(faults)))

    def _faults(self, method: str, base_url: str | None, *, is_here: bool) -> list[str]:
        placed = placements(self._route, [self._order])
        alone = self._task.plans.alone
        places = fitting([place_of(self._route, alone, one, method) for one in placed], base_url or "")
        faults = [place.fault for place in places if place.plan is None]
        if base_url is not None:
            try:
                self._task.plans.plan(method, base_url, self._orders)
            except TaskRouteError as error:
                faults += error.faults
            if is_here and not faults and agree(places):
                faults = self._callback_faults(placed, method, base_url)
        return faults

    def _callback_faults(self, placed: list[Placement], method: str, base_url: str) -> list[str]:
        """What to say if the tasks go where another route of the app answers, or none."""
        url = urlsplit(base_url)
        root_path, host = root_path_of(app_inside(self._app)), url.netloc.rpartition("@")[2].encode()
        said = None
        placement = placed[0]
        for path in filled(placement.route.path, placement.route.param_convertors):
            scope = http_scope(method, unquote(url.path) + path, root_path=root_path, host=host)
            if _is_answered(placement, scope):
                return []
            said = said or _who_answers(placement, scope)
        if said is None:
            return []
        return [
            f"{endpoint_label(self._route.endpoint)} ({route_label(self._route)}): its tasks go to {method} "
            f"{base_url}{placement.route.path}, where {said}. The app serves it at {placement.served.path}: "
            f"set the base URL to {url.scheme}://{url.netloc}{placement.base}"
        ]


def _is_answered(placement: Placement, scope: dict[str, object]) -> bool:
    """Whether the endpoint answers, at once or after a redirect to the path with or without a slash at its end."""
    path = str(scope["path"])
    other = path.rstrip("/") if path.endswith("/") else path + "/"
    for asked in (path, other):
        if answer := answer_to(placement.order, {**scope, "path": asked}):
            return answer.whole and is_same(answer.served, placement)
    return False


def _who_answers(placement: Placement, scope: dict[str, object]) -> str:
    answer = answer_to(placement.order, scope)
    if answer is None:
        return "nothing answers (404)"
    return f"{answer.served} answers instead" if answer.whole else f"only {answer.served} is there (405)"
