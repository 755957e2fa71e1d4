"""Wrapping the lifespan of an application, those of its routers included, and noticing that it never runs."""

import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from gcptasks.base.errors import SetupError

Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


_log = logging.getLogger("gcptasks")

_NEVER_STARTED = (
    "requests reach this app, but its lifespan has not begun, so its LocalService accepts tasks and delivers none. "
    "If the app is mounted in another, whose lifespan alone is run: call LocalService.install with the outer app, or "
    "write `async with local.running(app)` in the outer app's lifespan. "
    "If this is a test client: use it in a `with` block. If the server was told to run no lifespans: let it."
)


class Router(Protocol):
    lifespan_context: Lifespan
    middleware_stack: Any


class App(Protocol):
    """A Starlette or FastAPI application."""

    @property
    def router(self) -> Any: ...


def refuse_later_lifespans(router: Router, ours: Lifespan) -> None:
    """`SetupError` if a router with a lifespan was included after `ours` was put in place.

    `include_router` puts the router's lifespan inside of ours, where it would start after delivery has begun and end
    while tasks still run. A router without one is wrapped likewise and does no harm.
    """
    context = router.lifespan_context
    while context is not ours:
        outer, inner = _merged(context)
        if inner is None or _does_something(inner):
            raise SetupError(
                "a router with a lifespan was included after LocalService.install(app): "
                "call install last, after every include_router"
            )
        context = outer


def notice_that_it_never_starts(router: Router, is_running: Callable[[], bool]) -> None:
    """Log an error if the first request comes before a lifespan has begun: servers begin with that."""
    plain = router.middleware_stack

    async def look_once(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            router.middleware_stack = plain
            if not is_running():
                _log.error(_NEVER_STARTED)
        await plain(scope, receive, send)

    router.middleware_stack = look_once


def _does_something(context: Lifespan) -> bool:
    outer, inner = _merged(context)
    if inner is not None:
        return _does_something(outer) or _does_something(inner)
    if type(context).__name__ != "_DefaultLifespan":
        return True
    # What FastAPI and Starlette give to a router that was given no lifespan: it runs the router's event handlers.
    router = getattr(context, "_router", None)
    return bool(getattr(router, "on_startup", ()) or getattr(router, "on_shutdown", ()))


def _merged(context: Lifespan) -> tuple[Lifespan, Lifespan | None]:
    """The two that FastAPI's include_router has merged into this one; itself and None if it is not merged."""
    function = inspect.unwrap(context)
    inside: Mapping[str, Any] = inspect.getclosurevars(function).nonlocals if inspect.isfunction(function) else {}
    if "original_context" in inside and "nested_context" in inside:
        return inside["original_context"], inside["nested_context"]
    return context, None
