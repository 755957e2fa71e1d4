"""Whether a value that arrived is the value that was sent."""

import dataclasses
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import Any, cast

from pydantic import BaseModel

_Equal = Callable[[Any, Any], bool]


def alike(sent: Any, got: Any) -> bool:
    """Equal, and of equal types all the way down; aware datetimes compare as instants."""
    if sent is got:
        return True
    if isinstance(sent, datetime | time):
        return _same_moment(sent, got)
    if type(sent) is not type(got):
        return False
    if isinstance(sent, BaseModel):
        return _same_model(sent, got)
    if dataclasses.is_dataclass(sent):
        return all(alike(getattr(sent, f.name), getattr(got, f.name)) for f in dataclasses.fields(sent))
    return _same_value(sent, got)


def _same_value(sent: Any, got: Any) -> bool:
    if isinstance(sent, list | tuple | deque):
        items, others = cast("list[Any]", sent), cast("list[Any]", got)
        return len(items) == len(others) and all(map(alike, items, others))
    if issubclass(type(sent), Mapping):
        return _same_mapping(sent, got)
    if isinstance(sent, set | frozenset):
        members = {item: item for item in cast("set[Any]", got)}
        return sent == got and all(alike(item, members[item]) for item in cast("set[Any]", sent))
    return bool(sent == got)


def _same_mapping(sent: Mapping[Any, Any], got: Mapping[Any, Any]) -> bool:
    keys = {key: key for key in got}
    return len(sent) == len(got) and all(
        key in keys and alike(key, keys[key]) and alike(value, got[key]) for key, value in sent.items()
    )


def _same_moment(sent: datetime | time, got: Any) -> bool:
    if isinstance(sent, datetime):
        if not isinstance(got, datetime) or (sent.utcoffset() is None) != (got.utcoffset() is None):
            return False
        # `==` between zones is always false in the hour that a clock repeats (PEP 495); a difference is not.
        return not sent - got if sent.utcoffset() is not None else sent == got
    return isinstance(got, time) and sent == got


def _same_model(sent: BaseModel, got: BaseModel) -> bool:
    fields = type(sent).model_fields
    return (
        all(_same_attribute(sent, got, name) for name in fields)
        and alike(sent.__pydantic_extra__, got.__pydantic_extra__)
        and alike(sent.__pydantic_private__, got.__pydantic_private__)
    )


def _same_attribute(sent: BaseModel, got: BaseModel, name: str) -> bool:
    return (name in sent.__dict__) and (name in got.__dict__) and alike(sent.__dict__[name], got.__dict__[name])
