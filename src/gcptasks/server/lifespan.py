"""Wrapping the lifespan of an application, those of its routers included, and noticing that it never runs."""

import inspect
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from gcptasks.base import stand_ins
from gcptasks.base.errors import SetupError
from gcptasks.base.events import Event, Events, TaskCreated

Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


_log = logging.getLogger("gcptasks")

START_TAKES = 10.0
"""Seconds from the first task on in which an app should have started."""
_NEVER_STARTED = (
    "%s, but the lifespan of the app in which this LocalService is installed has not begun, so it delivers none. "
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


class StartWatch:
    """Says once in the log that an app is at work though its lifespan has not begun, with which servers begin.

    A task alone proves nothing: one may be created before the start. A second one long after the first does.
    """

    def __init__(self, router: Router, events: Events) -> None:
        self._router = router
        self._plain = router.middleware_stack
        self._first_task_at: float | None = None
        self._over = False
        router.middleware_stack = self._on_request
        self._unsubscribe = events.subscribe(self._on_event)

    def end(self) -> None:
        """There is nothing more to say."""
        self._over = True
        self._unsubscribe()
        if self._router.middleware_stack == self._on_request:
            self._router.middleware_stack = self._plain

    async def _on_request(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            self._say("requests reach this app")
        await self._plain(scope, receive, send)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, TaskCreated):
            now = time.monotonic()
            if self._first_task_at is None:
                self._first_task_at = now
            elif now - self._first_task_at >= START_TAKES:
                self._say("tasks are created")

    def _say(self, what: str) -> None:
        # Under a test kit nobody needs it to deliver.
        if not self._over and not stand_ins.in_use():
            self.end()
            _log.error(_NEVER_STARTED, what)


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
