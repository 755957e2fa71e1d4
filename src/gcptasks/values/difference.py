"""Where in a value it is that something does not arrive, for the words of a refusal."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, cast

from pydantic import BaseModel

from gcptasks.values.equality import alike
from gcptasks.values.read_names import fields_of
from gcptasks.values.refusal import at_place, text_of_value

_MOST = 80
_BEFORE = 30


def difference(sent: Any, got: Any) -> str:
    """The first place at which the two differ, and what stands there in each."""
    place, one, other = _first(sent, got, ())
    ours, theirs = _apart(text_of_value(one), text_of_value(other))
    arrives = "another that is not equal to it" if ours == theirs else theirs
    return at_place(place, f"{ours} would arrive as {arrives}")


def at(value: Any, steps: Iterable[int | str]) -> tuple[list[Any], Any]:
    """What stands there in the value, by the steps that the worker names; as far as they are steps into the value."""
    place: list[Any] = []
    for step in steps:
        below = {str(key): part for key, part, _ in _parts(value, value)}
        # The worker names fields by alias, and the choices of a union too.
        fields = fields_of(value).items()
        name = next((name for name, field in fields if step in (field.alias, field.validation_alias)), step)
        if str(name) not in below:
            break
        place.append(name)
        value = below[str(name)]
    return place, value


def _first(sent: Any, got: Any, place: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any, Any]:
    if type(sent) is type(got):
        for key, one, other in _parts(sent, got):
            if not alike(one, other):
                return _first(one, other, (*place, key))
    return place, sent, got


def _parts(sent: Any, got: Any) -> Iterator[tuple[Any, Any, Any]]:
    """What stands at the same place in both."""
    if isinstance(sent, BaseModel):
        names: list[str] = [*type(sent).model_fields, *(sent.__pydantic_extra__ or ())]
        yield from _attributes(sent, got, names)
    elif dataclasses.is_dataclass(sent):
        yield from _attributes(sent, got, [field.name for field in dataclasses.fields(sent)])
    elif issubclass(type(sent), Mapping):
        if sent.keys() == got.keys():
            yield from ((key, value, got[key]) for key, value in sent.items())
    elif isinstance(sent, list | tuple):
        items, others = cast("list[Any]", sent), cast("list[Any]", got)
        if len(items) == len(others):
            yield from zip(count(), items, others, strict=False)


def _attributes(sent: Any, got: Any, names: list[str]) -> Iterator[tuple[Any, Any, Any]]:
    for name in names:
        if hasattr(sent, name) and hasattr(got, name):
            yield name, getattr(sent, name), getattr(got, name)


def _apart(one: str, other: str) -> tuple[str, str]:
    """Both, cut to what surrounds the first place where they differ."""
    if max(len(one), len(other)) <= _MOST:
        return one, other
    pairs = zip(one, other, strict=False)
    start = next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    start = max(start - _BEFORE, 0)
    return _cut(one, start), _cut(other, start)


def _cut(text: str, start: int) -> str:
    end = start + _MOST - 2
    return "…" * (start > 0) + text[start:end] + "…" * (end < len(text))
