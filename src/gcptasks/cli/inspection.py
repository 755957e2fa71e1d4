"""What is in an application: its name, and which of its routes are tasks.

Run as `python -m gcptasks.cli.inspection FOLDER MODULE [NAME]` it prints that as JSON, so that a command can ask for it
without importing the application into itself.
"""

import importlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from fastapi_gcp_tasks.delayed_route import AsyncDelayedRoute, DelayedRoute

_NAMES = ("app", "api")


@dataclass(frozen=True, slots=True)
class TaskRoute:
    """A route that is a task."""

    name: str
    method: str
    url: str
    """Where the queue calls it."""
    queue: str
    embedded: bool
    """Whether its tasks go to a LocalService that the application carries."""


@dataclass(frozen=True, slots=True)
class Found:
    name: str
    tasks: list[TaskRoute]


def inspect(module: str, name: str | None) -> Found:
    """The application in a module that can be imported; `ValueError` if there is none."""
    found: Any = importlib.import_module(module)
    name = name or _only_app(found)
    app = getattr(found, name, None)
    if not isinstance(app, FastAPI):
        raise ValueError(f"{module}:{name} is no FastAPI application")
    return Found(name, [_task(route) for route in _task_routes(app.routes)])


def _only_app(module: Any) -> str:
    apps: list[str] = [name for name, value in vars(module).items() if isinstance(value, FastAPI)]
    for name in _NAMES:
        if name in apps:
            return name
    if len(apps) == 1:
        return apps[0]
    raise ValueError(f"{module.__name__} has {len(apps)} FastAPI applications: say which by {module.__name__}:NAME")


def _task_routes(routes: Iterable[Any]) -> Iterator[DelayedRoute | AsyncDelayedRoute]:
    for route in routes:
        if isinstance(route, DelayedRoute | AsyncDelayedRoute):
            yield route
        elif not isinstance(route, APIRoute):
            # A mounted application, or from FastAPI 0.137 on a router that was included.
            inner = getattr(route, "original_router", route)
            yield from _task_routes(getattr(inner, "routes", None) or ())


def _task(route: DelayedRoute | AsyncDelayedRoute) -> TaskRoute:
    options = route.sender.options
    return TaskRoute(
        name=route.name,
        method=",".join(sorted(route.methods or ())),
        url=f"{options.callback_base_url}{route.path}",
        queue=str(options.queue_path),
        embedded=_is_embedded(options.client),
    )


def _is_embedded(client: Any) -> bool:
    transport = getattr(client, "transport", None)
    owner = getattr(client, "__self__", None)
    return any(type(part).__module__.startswith("gcptasks.") for part in (transport, owner))


if __name__ == "__main__":
    folder, module, *rest = sys.argv[1:]
    sys.path.insert(0, folder)
    try:
        print(json.dumps(asdict(inspect(module, rest[0] if rest else None))))
    except ValueError as error:
        sys.exit(f"error: {error}")
