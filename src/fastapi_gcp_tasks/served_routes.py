"""What an app serves, in the order in which it is asked, however its routers came into it."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, cast

from starlette.routing import BaseRoute, Host, Match, Mount, WebSocketRoute, compile_path

from fastapi_gcp_tasks.fastapi_versions import included

Scope = Mapping[str, Any]

_MOST_WRAPPERS = 50
"""Of middleware around an app: more is a wrapper that wraps itself."""


class Passage(NamedTuple):
    """A mount, or a host, that leads into another app."""

    route: BaseRoute
    app: Any


class ServedRoute:
    """One route, as an app serves it."""

    def __init__(
        self, route: BaseRoute, prefix: str, dependencies: tuple[Any, ...], through: tuple[Passage, ...]
    ) -> None:
        self.route = route
        """As it was registered; before FastAPI 0.137 as `include_router` made it anew."""
        self.prefix = prefix
        """Of the routers around it, so far as the route does not have it itself."""
        self.dependencies = dependencies
        """What FastAPI runs before it, the outermost first."""
        self.through = through
        self.mounts = "".join(getattr(one.route, "path", "") for one in through)
        """The path under which the app that has this route is mounted."""
        self.inner_path = prefix + str(getattr(route, "path", ""))
        """The path in that app."""
        self.path = self.mounts + self.inner_path
        """The whole path."""
        self.fixed = self.path.partition("{")[0]
        """Of the path, what is the same whatever the parameters are."""

    @cached_property
    def matcher(self) -> BaseRoute:
        """The route with the prefixes of the routers around it."""
        return _with_prefix(self.route, self.prefix)

    def match(self, scope: Scope) -> Match:
        """Whether it would answer such a request, if nothing before it does."""
        inner = dict(scope)
        for one in self.through:
            found, more = one.route.matches(inner)
            if found is not Match.FULL:
                return Match.NONE
            inner.update(more)
            if root_path := root_path_of(one.app):
                inner["root_path"] = root_path
        return self.matcher.matches(inner)[0]

    def __str__(self) -> str:
        if isinstance(self.route, Mount):
            return f"the app that is mounted at {self.path.rstrip('/') or '/'}"
        methods = ",".join(sorted(getattr(self.route, "methods", None) or ()))
        name = getattr(self.route, "name", None)
        return f"{methods} {self.path}".lstrip() + (f" ({name})" if name else "")


def app_inside(asgi: object) -> Any:
    """The app, or router, under the middleware that is wrapped around it; None if that is nothing we know."""
    for _ in range(_MOST_WRAPPERS):
        if asgi is None or isinstance(getattr(asgi, "routes", None), Sequence):
            return asgi
        asgi = getattr(asgi, "app", None)
    return None


def root_path_of(app: object) -> str:
    """The root path that the app sets in each request, or nothing."""
    return str(getattr(app, "root_path", None) or "")


def served_routes(app: object) -> list[ServedRoute]:
    """All that answers HTTP, in the order in which the app asks. A mount comes after what is in it."""
    inside = app_inside(app)
    return [] if inside is None else list(_served(inside.routes, "", (), ()))


def _served(
    routes: Iterable[object], prefix: str, dependencies: tuple[Any, ...], through: tuple[Passage, ...]
) -> Iterator[ServedRoute]:
    for route in routes:
        if router := included(route):
            yield from _served(router.routes, prefix + router.prefix, (*dependencies, *router.dependencies), through)
        elif isinstance(route, BaseRoute) and not isinstance(route, WebSocketRoute):
            own = tuple(cast("Sequence[Any]", getattr(route, "dependencies", ())))
            served = ServedRoute(route, prefix, (*dependencies, *own), through)
            if isinstance(route, Mount | Host) and (inside := app_inside(route.app)) is not None:
                yield from _served(inside.routes, "", (), (*through, Passage(served.matcher, inside)))
            yield served


def _with_prefix(route: BaseRoute, prefix: str) -> BaseRoute:
    """The route as FastAPI serves it in a router that was included with a prefix."""
    path = getattr(route, "path", None)
    if not prefix or path is None:
        return route
    moved: Any = copy.copy(route)
    moved.path = prefix + path
    pattern = moved.path
    if isinstance(route, Mount):
        moved.path = moved.path.rstrip("/")
        pattern = moved.path + "/{path:path}"
    moved.path_regex, moved.path_format, moved.param_convertors = compile_path(pattern)
    return cast("BaseRoute", moved)


class Answer(NamedTuple):
    """Who answers a request."""

    served: ServedRoute
    whole: bool
    """False: it has the path, but not the method."""


def answer_to(order: Iterable[ServedRoute], scope: Scope) -> Answer | None:
    """Who of these answers such a request, as Starlette decides it; None if nobody does."""
    partial = None
    for served in order:
        match served.match(scope):
            case Match.FULL:
                return Answer(served, True)
            case Match.PARTIAL if partial is None:
                partial = Answer(served, False)
            case _:
                pass
    return partial


def http_scope(method: str, path: str, *, root_path: str = "", host: bytes = b"") -> dict[str, Any]:
    """As much of an ASGI scope as routes look at."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", host)] if host else [],
    }
