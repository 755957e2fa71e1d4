"""The apps of this process.

Nothing tells a route that its router was included in an app, and nobody keeps a list of apps. But an object refers to
its class, and the garbage collector knows who refers to what: of all objects but those that `gc.freeze` keeps from it.
Of these, the apps are known that a module has, or that were seen before.
"""

import gc
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from weakref import WeakValueDictionary

from starlette.applications import Starlette

_seen: WeakValueDictionary[int, Starlette] = WeakValueDictionary()


def apps_in_process() -> list[Starlette]:
    """Each of them once."""
    referrers: list[object] = gc.get_referrers(*_classes(Starlette))
    apps = {id(app): app for app in referrers if isinstance(app, Starlette)}
    for app in apps.values():
        see(app)
    # The class refers to itself by this: if that is frozen, apps may be. To ask how much is takes ten times as long.
    if not any(one is Starlette.__mro__ for one in referrers):
        apps |= {id(app): app for app in (*_seen_before(), *_of_modules())}
    # One that another thread is still making has no router yet.
    return [app for app in apps.values() if "router" in vars(app)]


def see(app: Starlette) -> None:
    """Know this app from now on, as long as it is there."""
    _seen[id(app)] = app


def _seen_before() -> Iterator[Starlette]:
    # A list at once: other threads may see apps meanwhile.
    for reference in _seen.valuerefs():
        if (app := reference()) is not None:
            yield app


def _of_modules() -> Iterator[Starlette]:
    modules: list[object] = list(sys.modules.values())
    for module in modules:
        # By the type: what is loaded once it is asked, or stands for another object, is not woken.
        if issubclass(type(module), ModuleType):
            values: dict[str, Any] = object.__getattribute__(module, "__dict__")
            yield from (value for value in list(values.values()) if issubclass(type(value), Starlette))


def _classes(cls: type[Starlette]) -> Iterator[type[Starlette]]:
    yield cls
    for inner in cls.__subclasses__():
        yield from _classes(inner)
