"""Options that nobody set, and the one place where layers of options meet."""

from typing import Final, NamedTuple, TypeVar

R = TypeVar("R", bound=NamedTuple)


class Unset:
    """The type of `UNSET`: an option that nobody set, which is not the same as None."""

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Final = Unset()


def merged(under: R, over: R) -> R:
    """`under`, with every field that `over` sets; both are named tuples of one class."""
    given = {name: value for name, value in over._asdict().items() if value is not UNSET}
    return under._replace(**given)
