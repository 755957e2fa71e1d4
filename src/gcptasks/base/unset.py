"""Options that were not given, and the one place where layers of options meet."""

from dataclasses import fields, replace
from enum import Enum
from typing import Any, Final, TypeVar

R = TypeVar("R", bound=Any)


class Unset(Enum):
    """The type of `UNSET`: an option that nobody set, which is not the same as None."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Final = Unset.UNSET


def merged(under: R, over: R) -> R:
    """`under`, with every field that `over` sets; both are records of one dataclass."""
    given = {f.name: value for f in fields(over) if (value := getattr(over, f.name)) is not UNSET}
    return replace(under, **given) if given else under
