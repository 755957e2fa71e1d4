"""What is in an application: its name, and which of its routes are tasks."""

from collections.abc import Callable
from inspect import iscoroutinefunction, isfunction, signature
from types import ModuleType
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette

from fastapi_gcp_tasks.delayed_route import AsyncDelayedRoute, DelayedRoute
from fastapi_gcp_tasks.options import with_url
from fastapi_gcp_tasks.registration import registration_of
from fastapi_gcp_tasks.served_routes import served_routes
from gcptasks.cli.found import Found, TaskRow
from gcptasks.server.local_service import LocalService

_NAMES = ("app", "api")
_FACTORY_NAMES = ("create_app", "make_app", "get_app", "build_app")

Factory = Callable[[], object]

TaskRoute = DelayedRoute | AsyncDelayedRoute


def only_app(module: ModuleType) -> str:
    """The name of the application in a module; `ValueError` if it is not plain which one is meant."""
    apps: dict[int, str] = {}
    for name, value in vars(module).items():
        if isinstance(value, FastAPI) and (id(value) not in apps or name in _NAMES):
            apps[id(value)] = name
    for name in _NAMES:
        if name in apps.values():
            return name
    if not apps:
        hint = "".join(f"; {name} may make one: give {module.__name__}:{name} --factory" for name in _factories(module))
        raise ValueError(f"{module.__name__} has no FastAPI application outside of functions{hint}")
    if len(apps) > 1:
        names = ", ".join(sorted(apps.values()))
        raise ValueError(f"{module.__name__} has several FastAPI applications ({names}): say which, as module:app")
    return next(iter(apps.values()))


def named_app(module: ModuleType, name: str) -> Starlette:
    """The application of that name; `ValueError` if there is none."""
    app = getattr(module, name, None)
    if app is None:
        raise ValueError(f"{module.__name__} has no {name!r}")
    if isfunction(app):
        raise ValueError(
            f"{name!r} in {module.__name__} is no FastAPI application, but a function: if it makes one, add --factory"
        )
    if not isinstance(app, Starlette):
        raise ValueError(f"{name!r} in {module.__name__} is no FastAPI application, but a {type(app).__name__}")
    return app


def only_factory(module: ModuleType) -> str:
    """The name of the factory in a module; `ValueError` if it is not plain which function that is."""
    names = _factories(module)
    if len(names) != 1:
        found = f"several ({', '.join(names)})" if names else f"none of {', '.join(_FACTORY_NAMES)}"
        raise ValueError(f"{module.__name__} has {found}: say which function makes the application, as module:function")
    return names[0]


def named_factory(module: ModuleType, name: str) -> Factory:
    """The factory of that name; `ValueError` if it cannot be one."""
    factory: object = getattr(module, name, None)
    shown = f"{name!r} in {module.__name__}"
    if factory is None:
        raise ValueError(f"{module.__name__} has no {name!r}")
    if isinstance(factory, Starlette):
        raise ValueError(f"{shown} is an application itself: leave out --factory")
    if not callable(factory):
        raise ValueError(f"{shown} is no function that makes an application, but a {type(factory).__name__}")
    if iscoroutinefunction(factory):
        raise ValueError(f"{shown} is `async`: a function that makes an application is a plain one")
    try:
        signature(factory).bind()
    except TypeError as error:
        raise ValueError(f"{shown} cannot be called without arguments: {error}") from None
    return factory


def app_made(name: str, made: object) -> Starlette:
    """What a factory has made; `ValueError` if that is no application."""
    if not isinstance(made, Starlette):
        raise ValueError(f"{name!r} made no FastAPI application, but a {type(made).__name__}")
    return made


def inspect(module: ModuleType, app: Starlette) -> Found:
    """What is in that application of that module."""
    routes = [one.route for one in served_routes(app) if isinstance(one.route, TaskRoute)]
    embedded = any(_is_embedded(route.sender.options.client) for route in routes)
    return Found(tuple(_row(route) for route in routes), embedded or _has_service(module))


def _factories(module: ModuleType) -> list[str]:
    return [name for name in _FACTORY_NAMES if isfunction(getattr(module, name, None))]


def _row(route: TaskRoute) -> TaskRow:
    options = with_url(route.sender.options)
    methods = ",".join(sorted(route.methods or ())) or "-"
    # Before FastAPI 0.137 an included route has the prefixes of all routers.
    registration = registration_of(route.endpoint)
    path = registration.route.path if registration else route.path
    return TaskRow(route.name, methods, f"{options.callback_base_url}{path}", str(options.queue_path))


def _is_embedded(client: Any) -> bool:
    transport = getattr(client, "transport", None)
    owner = getattr(client, "__self__", None)
    return any(type(part).__module__.startswith("gcptasks.") for part in (transport, owner))


def _has_service(module: ModuleType) -> bool:
    return any(isinstance(value, LocalService) for value in vars(module).values())
