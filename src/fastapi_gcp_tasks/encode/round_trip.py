"""The full round trip: what arrives is found out by doing what the worker will do, and compared with what was given."""

import json
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, TypeAdapter

from fastapi_gcp_tasks.encode.equality import alike
from fastapi_gcp_tasks.encode.refusal import NotCarried, serializer_said, shown


def strictly(adapter: TypeAdapter[Any], value: Any) -> Any:
    """The value as pydantic's strict mode takes it; ValidationError, or NotCarried if it becomes another."""
    checked = adapter.validator.validate_python(value, strict=True)
    if checked is not value and not _takes(value, checked):
        raise NotCarried(f"{shown(value)} would arrive as {shown(checked)}")
    return checked


def _takes(value: Any, checked: Any) -> bool:
    # `True` is 1 to Python, and passes for a literal 1 in strict mode.
    if isinstance(value, bool) is not isinstance(checked, bool):
        return False
    return bool(value == checked) or alike(value, checked)


def same_fields(sent: BaseModel, got: BaseModel) -> bool:
    """Whether two models of scalars, and lists of them, hold the same; `5` set where a float is declared is `5.0`."""
    held, others = sent.__dict__, got.__dict__
    return held.keys() == others.keys() and all(_same_field(held[name], others[name]) for name in held)


def _same_field(sent: Any, got: Any) -> bool:
    if type(sent) is type(got) is list:
        return len(sent) == len(got) and all(map(_takes, sent, got))
    return _takes(sent, got)


def round_trip(
    checked: Any, wire: Any, receive: Callable[[Any], Any], same: Callable[[Any, Any], bool] = alike
) -> None:
    """Raise NotCarried unless `wire`, once received, is `checked`."""
    try:
        got = receive(wire)
    except (ValueError, RecursionError) as error:
        raise NotCarried(f"the worker would refuse {shown(checked)}: {error}") from None
    if not same(checked, got):
        raise NotCarried(f"{shown(checked)} would arrive as {shown(got)}")


def read_json(body: bytes) -> Any:
    """What the worker makes of a body, before it validates it; NotCarried for what is no JSON."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotCarried(f"the worker could not read it: {error}") from None


def _no_constant(name: str) -> Any:
    raise NotCarried(f"{name} cannot be written in JSON")


def dumped(write: Callable[..., Any], value: Any, **options: Any) -> Any:
    """What pydantic's serializer makes of the value; NotCarried for a value that is not of its type."""
    try:
        return write(value, round_trip=True, warnings="error", **options)
    except (ValueError, RecursionError) as error:
        raise serializer_said(error) from None
