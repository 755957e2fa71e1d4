"""Which of `Progress` and `AsyncProgress` a function may have."""

from collections.abc import Callable
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction, unwrap
from typing import Any

from fastapi_gcp_tasks.fastapi_versions import Dependant, with_dependencies
from fastapi_gcp_tasks.labels import endpoint_label


def refuse_wrong_progress(dependant: Dependant) -> None:
    """`TypeError` if an endpoint, or a function that it depends on, has the one that it cannot call."""
    for one in with_dependencies(dependant):
        for inner in one.dependencies:
            # Asked by an attribute: what records tasks is not imported for those that nobody records.
            awaited: bool | None = getattr(inner.call, "awaited_progress", None)
            if awaited is not None and one.call is not None:
                _check(one.call, awaited=awaited)


def _check(call: Callable[..., Any], *, awaited: bool) -> None:
    function = unwrap(call)
    if not isfunction(function):  # a class, whose methods may be of either kind
        return
    is_async = iscoroutinefunction(function) or isasyncgenfunction(function)
    if is_async and not awaited:
        raise TypeError(f"{endpoint_label(call)} is an async def, so it takes an AsyncProgress, and awaits it")
    if awaited and not is_async:
        raise TypeError(f"{endpoint_label(call)} is a def, so it takes a Progress, and does not await it")
