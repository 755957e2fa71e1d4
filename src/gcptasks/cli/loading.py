"""The application that a command was given, imported from its module."""

import importlib
import traceback
from collections.abc import Callable
from inspect import iscoroutinefunction, isfunction, signature
from types import ModuleType, TracebackType
from typing import NoReturn

from fastapi import FastAPI
from starlette.applications import Starlette

from gcptasks.base.errors import SetupError

_NAMES = ("app", "api")
_FACTORY_NAMES = ("create_app", "make_app", "get_app", "build_app")

Factory = Callable[[], object]


def load_app(module_name: str, name: str | None, *, factory: bool) -> tuple[ModuleType, Starlette]:
    """The module and the application in it; `ValueError` if there is none, or if it is not plain which is meant.

    What its own code raises is shown, and raises `SetupError`.
    """
    module = _import_module(module_name)
    if not factory:
        return module, _named_app(module, name or _only_app(module))
    name = name or _only_factory(module)
    make = _named_factory(module, name)
    try:
        made = make()
    except Exception as error:
        _refuse(error)
    return module, _app_made(name, made)


def _only_app(module: ModuleType) -> str:
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


def _named_app(module: ModuleType, name: str) -> Starlette:
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


def _only_factory(module: ModuleType) -> str:
    """The name of the factory in a module; `ValueError` if it is not plain which function that is."""
    names = _factories(module)
    if len(names) != 1:
        found = f"several ({', '.join(names)})" if names else f"none of {', '.join(_FACTORY_NAMES)}"
        raise ValueError(f"{module.__name__} has {found}: say which function makes the application, as module:function")
    return names[0]


def _named_factory(module: ModuleType, name: str) -> Factory:
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


def _app_made(name: str, made: object) -> Starlette:
    """What a factory has made; `ValueError` if that is no application."""
    if not isinstance(made, Starlette):
        raise ValueError(f"{name!r} made no FastAPI application, but a {type(made).__name__}")
    return made


def _factories(module: ModuleType) -> list[str]:
    return [name for name in _FACTORY_NAMES if isfunction(getattr(module, name, None))]


def _import_module(name: str) -> ModuleType:
    """The module; `ValueError` if there is none of that name."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        theirs = _from_their_code(error.__traceback__)
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if theirs is None and missing is not None and f"{name}.".startswith(f"{missing}."):
            raise ValueError(f"there is no module {missing}") from None
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    """Show an error of their code, without what stands between us and that."""
    traceback.print_exception(error.with_traceback(_from_their_code(error.__traceback__)))
    raise SetupError("the application cannot be imported: see above")


def _from_their_code(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without what stands between us and the application's module."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(
        (__file__, "<frozen importlib", _IMPORTLIB)
    ):
        trace = trace.tb_next
    return trace


_IMPORTLIB = str(importlib.__file__)
