"""Which fields of a model were not set: what is left out is not set at the worker either (`model_fields_set`).

A field is left out if it was not set and holds just the default that the worker would fill in. pydantic validates no
defaults, so one that breaks the field's own type arrives in this way alone. What was not set and is no such default
(a list that was changed, what a factory made) is sent.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, cast, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gcptasks.values.equality import alike
from gcptasks.values.exact_types import free_choices
from gcptasks.values.schemas import Reading, Schema
from gcptasks.values.walks import Found, Walk, Walks

_FIXED = frozenset(
    (str, bytes, int, float, bool, type(None), Decimal, date, datetime, time, timedelta, UUID),
)
_CONTAINERS = {"list": list, "dict": dict, "set": set}
_EMPTY = frozenset(_CONTAINERS.values())
_NO_DEFAULT = object()
_ALL_SET, _DEFAULTS, _CHANGED = 0, 1, 2
"""All is set; or what was not set holds its default; or not even that. Mostly it is not to be said where that is."""
_ARGUMENTS: tuple[Mapping[str, Any], ...] = ({}, {"exclude_unset": True})


class Doubtful(Exception):
    """The type alone does not say whether this value arrives: a field that was not set holds who knows what."""


def left_out_of(reading: Reading) -> Callable[[Any], Mapping[str, Any]] | None:
    """What tells pydantic's serializer which fields of a plain value to leave out, as arguments for it.

    It raises Doubtful, or what Python raises for a value that is not of its type. None if all fields are required.
    """
    find = _Unset(reading).walk()
    if find is None:
        return None

    def arguments(value: Any) -> Mapping[str, Any]:
        found = find(value)
        return {"exclude": found} if found else _ARGUMENTS[_ALL_SET]

    states = _States(reading)
    state_of = states.walk()
    if state_of is None or states.has_required_model:
        return arguments

    def arguments_sooner(value: Any) -> Mapping[str, Any]:
        state: int = state_of(value)
        return arguments(value) if state == _CHANGED else _ARGUMENTS[state]

    return arguments_sooner


def left_out(value: Any, *, keep_tags: bool = False) -> Any:
    """The same of any value; with `keep_tags` without what may tell the choices of a union apart."""
    if isinstance(value, BaseModel):
        return _left_out_of_model(value, keep_tags)
    if isinstance(value, list | tuple):
        return _left_out_of_parts(enumerate(cast("list[Any]", value)), keep_tags)
    if issubclass(type(value), Mapping):
        return _left_out_of_parts(value.items(), keep_tags)
    fields: Mapping[str, Any] = getattr(value, "__dataclass_fields__", {})
    return _left_out_of_parts([(name, getattr(value, name)) for name in fields if hasattr(value, name)], keep_tags)


def _left_out_of_parts(parts: Iterable[tuple[Any, Any]], keep_tags: bool) -> dict[Any, Any]:
    found: dict[Any, Any] = {key: inner for key, part in parts if (inner := left_out(part, keep_tags=keep_tags))}
    # pydantic takes this key for all keys.
    found.pop("__all__", None)
    return found


def _left_out_of_model(value: BaseModel, keep_tags: bool) -> Found:
    held, fields = value.__dict__, type(value).model_fields
    if type(value).__pydantic_root_model__:
        return left_out(held.get("root"), keep_tags=keep_tags)
    unset: dict[Any, Any] = {
        name: True
        for name, field in fields.items()
        if name in held
        and name not in value.__pydantic_fields_set__
        and not (keep_tags and get_origin(field.annotation) is Literal)
        and _same_default(_lasting(field.default), held[name])
    }
    rest = [(name, held[name]) for name in fields if name in held and name not in unset]
    return unset | _left_out_of_parts(rest, keep_tags)


def _lasting(default: Any) -> Any:
    """The default, if it is what it was when the class was made: it cannot change, or pydantic copies it."""
    if default is PydanticUndefined:
        return _NO_DEFAULT
    if type(default) in _FIXED or isinstance(default, Enum):
        return default
    if type(default) in (tuple, frozenset):
        return default if all(_lasting(item) is item for item in default) else _NO_DEFAULT
    try:
        hash(default)
    except TypeError:
        return default
    return _NO_DEFAULT


def _same_default(default: Any, value: Any) -> bool:
    if value is default:
        return True
    if type(value) in _EMPTY and not value:  # the usual one, found sooner
        return type(default) is type(value) and not default
    if isinstance(default, BaseModel) and isinstance(value, BaseModel):
        return default.__pydantic_fields_set__ == value.__pydantic_fields_set__ and alike(default, value)
    return alike(default, value)


class _Unset(Walks):
    def model_walk(self, schema: Schema, fields: list[tuple[str, Walk]]) -> Walk | None:
        declared = {name: field["schema"] for name, field in schema["schema"]["fields"].items()}
        if not fields and all(one["type"] != "default" for one in declared.values()):
            return None
        leave_out_fields = _fields_walk(declared)
        if not fields:
            return leave_out_fields

        def leave_out(value: Any) -> Found:
            found: dict[str, Any] = dict.fromkeys(leave_out_fields(value) or (), True)
            held = value.__dict__
            for name, inner in fields:
                if name not in found and (below := inner(held[name])):
                    found[name] = below
            return found

        return leave_out

    def values_walk(self, inner: Walk) -> Walk:
        walk = super().values_walk(inner)

        def walk_keys(value: Any) -> Found:
            if "__all__" in value:  # pydantic takes this key for all keys
                raise Doubtful
            return walk(value)

        return walk_keys

    def set_walk(self, inner: Walk) -> Walk:
        def walk_members(value: Any) -> Found:
            if any(map(inner, value)):
                raise Doubtful
            return None

        return walk_members


class _States(Walks):
    """How it stands with what was not set in a value: one of the three below, the greatest of all its models."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self.has_required_model = False
        """Nothing looks at a model of which all fields are required, so what was not set in it must not be left out."""

    def model_walk(self, schema: Schema, fields: list[tuple[str, Walk]]) -> Walk | None:
        declared = {name: field["schema"] for name, field in schema["schema"]["fields"].items()}
        if all(one["type"] != "default" for one in declared.values()):
            self.has_required_model = True
            return None
        of_fields = _fields_state(declared)
        if not fields:
            return of_fields

        def state_within(value: Any) -> Found:
            held = value.__dict__
            return max(of_fields(value), *[inner(held[name]) for name, inner in fields])

        return state_within

    def items_walk(self, inner: Walk) -> Walk:
        def state_of_items(value: Any) -> Found:
            return max(map(inner, value), default=_ALL_SET)

        return state_of_items

    def values_walk(self, inner: Walk) -> Walk:
        def state_of_values(value: Any) -> Found:
            return max(map(inner, value.values()), default=_ALL_SET)

        return state_of_values

    def set_walk(self, inner: Walk) -> Walk:
        return self.items_walk(inner)

    def tuple_walk(self, inner: list[Walk]) -> Walk:
        def state_of_tuple(value: Any) -> Found:
            return max((walk(item) for walk, item in zip(inner, value, strict=False)), default=_ALL_SET)

        return state_of_tuple


def _fields_state(declared: Mapping[str, Schema]) -> Walk:
    """The state of a model, what its fields hold aside."""
    names = frozenset(declared)
    required = frozenset(name for name, one in declared.items() if one["type"] != "default")
    defaults = [(name, _lasting(declared[name].get("default", _NO_DEFAULT))) for name in names - required]

    def state_of_fields(value: Any) -> Found:
        given = value.__pydantic_fields_set__
        if given == names:
            return _ALL_SET
        if not required <= given:
            return _CHANGED
        held = value.__dict__
        for name, default in defaults:
            if held[name] is not default and name not in given and not _same_default(default, held[name]):
                return _CHANGED
        return _DEFAULTS

    return state_of_fields


def _fields_walk(declared: Mapping[str, Schema]) -> Walk:
    """What finds the fields of a model that are left out, but not what is to be left out in those that are sent."""
    defaults = {name: _lasting(one.get("default", _NO_DEFAULT)) for name, one in declared.items()}
    sent = {name: _classes_that_arrive(one) for name, one in declared.items()}
    names, count = frozenset(declared), len(declared)

    def leave_out_fields(value: Any) -> Found:
        given = value.__pydantic_fields_set__
        if len(given) == count:
            return None
        held, unset = value.__dict__, names - given
        for name in unset:
            if held[name] is not defaults[name]:
                return leave_out_some(held, unset)
        return unset

    def leave_out_some(held: Mapping[str, Any], unset: frozenset[str]) -> Found:
        found = {name for name in unset if _same_default(defaults[name], held[name])}
        for name in unset - found:
            one = held[name]
            if type(one) not in sent[name] or (type(one) in _EMPTY and one):
                raise Doubtful
        return found

    return leave_out_fields


def _classes_that_arrive(schema: Schema) -> tuple[type, ...]:
    """The classes of which each value, or the empty one, is what a field takes: nothing but the class is asked for."""
    inner = schema["schema"] if schema["type"] == "default" else schema
    core = inner["schema"] if inner["type"] == "nullable" else inner
    if core["type"] in _CONTAINERS and "min_length" not in core:
        return (_CONTAINERS[core["type"]],)
    return free_choices(inner)
