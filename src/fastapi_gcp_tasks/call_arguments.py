"""The arguments of a call by name, where some were passed by position."""

import inspect
from collections.abc import Callable
from typing import Any

from fastapi_gcp_tasks.labels import endpoint_label


def by_name(
    endpoint: Callable[..., Any], verb: str, positional: tuple[Any, ...], values: dict[str, Any]
) -> dict[str, Any]:
    """All arguments of `endpoint.verb(...)`; `TypeError` as Python raises it where the positional ones do not fit."""
    names = positional_names(endpoint)
    label = f"{endpoint_label(endpoint)}.{verb}"
    if len(positional) > len(names):
        raise TypeError(f"{label} takes {len(names)} positional arguments, but {len(positional)} were given")
    by_position = dict(zip(names, positional, strict=False))
    for name in by_position.keys() & values.keys():
        raise TypeError(f"{label} got {name!r} twice, by position and by keyword")
    return by_position | values


def positional_names(endpoint: Callable[..., Any]) -> list[str]:
    """The endpoint's parameters that a call may pass by position, in order."""
    parameters = inspect.signature(endpoint).parameters.values()
    return [one.name for one in parameters if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
