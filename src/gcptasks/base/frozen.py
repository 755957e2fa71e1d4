"""Values that are made for every task.

Both type checkers hold that nobody changes them. Python does not: `dataclass(frozen=True)` sets each field by a call of
its own, which triples what it costs to make one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, kw_only: bool) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[Any] | None = None, /, *, kw_only: bool = False) -> Any:
    """The class as a dataclass with slots, whose values are equal, and hashed, by their fields."""
    decorate = dataclass(slots=True, kw_only=kw_only, unsafe_hash=True)
    return decorate if cls is None else decorate(cls)
