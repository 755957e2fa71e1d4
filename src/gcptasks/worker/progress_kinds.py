"""Which of `Progress` and `AsyncProgress` a function may have."""

from collections.abc import Callable, Sequence
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction, unwrap
from typing import Any, Protocol


class Dependant(Protocol):
    """FastAPI's `Dependant`: what an endpoint, or one of its dependencies, depends on."""

    @property
    def call(self) -> Callable[..., Any] | None: ...
    @property
    def dependencies(self) -> Sequence[Any]: ...


def refuse_wrong_progress(dependant: Dependant, function: Callable[..., Any] | None = None) -> None:
    """`TypeError` if the endpoint, or what it depends on, has the one that it cannot call.

    `function`: what the endpoint stands for, if it is another.
    """
    call = dependant.call if function is None else function
    for inner in dependant.dependencies:
        # Asked by an attribute: what records tasks is not imported for those that nobody records.
        awaited: bool | None = getattr(inner.call, "awaited_progress", None)
        if awaited is not None and call is not None:
            _check(call, awaited=awaited)
        refuse_wrong_progress(inner)


def _check(call: Callable[..., Any], *, awaited: bool) -> None:
    function = unwrap(call)
    if not isfunction(function):  # a class, whose methods may be of either kind
        return
    is_async = iscoroutinefunction(function) or isasyncgenfunction(function)
    if is_async and not awaited:
        raise TypeError(f"{function.__name__} is an async def, so it takes an AsyncProgress, and awaits it")
    if awaited and not is_async:
        raise TypeError(f"{function.__name__} is a def, so it takes a Progress, and does not await it")
