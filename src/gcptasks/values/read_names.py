"""A value in the form that the worker reads: its models may read by other names than those that they write."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

from pydantic import AliasChoices, AliasPath
from pydantic.fields import FieldInfo


def as_read(value: Any, written: Any) -> Any:
    """What pydantic wrote of the value by the names of fields, with each name as the worker reads it."""
    if getattr(value, "__pydantic_root_model__", False):
        return as_read(value.root, written)
    if issubclass(type(written), list):
        return _items_as_read(value, written)
    if issubclass(type(written), dict):
        return _members_as_read(value, written)
    return written


def fields_of(value: Any) -> Mapping[str, FieldInfo]:
    """The fields of a model or of pydantic's dataclass; none of anything else."""
    # pydantic 2.9 has those of a model by the other name alone.
    return getattr(value, "__pydantic_fields__", None) or getattr(value.__class__, "model_fields", {})


def _items_as_read(value: Any, written: list[Any]) -> list[Any]:
    if not isinstance(value, list | tuple):
        return written
    items = cast("list[Any]", value)
    return [as_read(one, other) for one, other in zip(items, written, strict=False)]


def _members_as_read(value: Any, written: dict[str, Any]) -> dict[str, Any]:
    if fields := fields_of(value):
        return _model_as_read(value, fields, written)
    if issubclass(type(value), Mapping) and len(value) == len(written):
        held = value.values()
        return {key: as_read(one, other) for one, (key, other) in zip(held, written.items(), strict=True)}
    return written


def _model_as_read(value: Any, fields: Mapping[str, FieldInfo], written: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, one in written.items():
        if key in fields and hasattr(value, key):
            _put(made, _path(key, fields[key]), as_read(getattr(value, key), one))
        else:
            made[key] = one
    return made


def _path(name: str, field: FieldInfo) -> list[str | int]:
    """Where the worker looks for this field first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        alias = alias.choices[0]
    if isinstance(alias, AliasPath):
        return alias.path
    return [name if alias is None else alias]


def _put(into: Any, path: list[str | int], value: Any) -> None:
    """Make what the path leads through: objects by names, arrays by indexes, filled with null up to there."""
    for step, following in pairwise(path):
        below: Any = [] if isinstance(following, int) else {}
        _fill(into, step)
        if not _held(into, step):
            into[step] = below
        into = into[step]
    _fill(into, path[-1])
    into[path[-1]] = value


def _held(into: Any, step: str | int) -> Any:
    return into[step] if isinstance(step, int) else into.get(step)


def _fill(into: Any, step: str | int) -> None:
    if isinstance(step, int):
        into.extend([None] * (step + 1 - len(into)))
