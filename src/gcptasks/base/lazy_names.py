"""Names of a module that are imported at first use, so that importing the module costs next to nothing."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

from gcptasks.base.errors import MissingExtra
from gcptasks.base.extras import is_installed
from gcptasks.base.running_call import this_frame


def lazy_names(
    module: str, homes: Mapping[str, str], extras: Mapping[str, str] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The `__getattr__` and the `__dir__` of a module that has these names from these modules.

    `extras` says of a name which extra its module needs: `MissingExtra` where that is not installed.
    Not for checkers: to them a module with a `__getattr__` has every name, a misspelt one too.
    """

    def get(name: str) -> object:
        home = homes.get(name)
        if home is None or _is_asked_for_all():
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = getattr(_imported(name, home, extras or {}), name)
        setattr(sys.modules[module], name, value)
        return value

    return get, lambda: sorted({*vars(sys.modules[module]), *homes})


def _is_asked_for_all() -> bool:
    """Whether it is freezegun that asks, for each name of each module.

    It does so while it puts its own classes in the place of datetimes, when no module that defines models can be
    imported. A name that was never used is of no interest to it.
    """
    return this_frame(2).f_globals.get("__name__") == "freezegun.api"


def _imported(name: str, home: str, extras: Mapping[str, str]) -> object:
    extra = extras.get(name)
    if extra is not None and not is_installed(extra):
        raise MissingExtra(name, extra)
    return import_module(home)
