"""What a plain type allows and JSON, or pydantic's way to write it, would lose: found by walking the value."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from fastapi_gcp_tasks.encode.refusal import NotCarried
from fastapi_gcp_tasks.encode.schemas import Reading, Schema, items

Walk = Callable[[Any], None]
"""Raises NotCarried at the first value that would not arrive as it is."""


def walk_of(reading: Reading) -> Walk | None:
    """The walk over a plain schema, or None if it has no such value."""
    return _Walks(reading.definitions).walk_of(reading.root)


class _Walks:
    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions
        self._made: dict[str, list[Walk]] = {}

    def walk_of(self, schema: Schema) -> Walk | None:
        kind = schema["type"]
        if kind in _LOSSY:
            return _LOSSY[kind]
        if kind == "default":
            return self.walk_of(schema["schema"])
        if kind == "nullable":
            return _optional_walk(self.walk_of(schema["schema"]))
        if kind == "definition-ref":
            return self._reference_walk(schema["schema_ref"])
        if kind == "model":
            fields = schema["schema"]["fields"].items()
            walks = [(name, self.walk_of(field["schema"])) for name, field in fields]
            return _model_walk(schema["cls"], [(name, walk) for name, walk in walks if walk])
        return self._container_walk(schema)

    def _reference_walk(self, ref: str) -> Walk:
        if ref in self._made:
            return _recursive_walk(self._made[ref])
        self._made[ref] = []
        walk = self.walk_of(self._definitions[ref]) or _nothing
        self._made[ref].append(walk)
        return walk

    def _container_walk(self, schema: Schema) -> Walk | None:
        walks = [self.walk_of(item) for item in items(schema)]
        if not any(walks):
            return None
        if schema["type"] == "dict":
            return _values_walk(walks[-1] or _nothing)
        if schema["type"] == "tuple" and "variadic_item_index" not in schema:
            return _tuple_walk([walk or _nothing for walk in walks])
        return _items_walk(walks[0] or _nothing)


def finite(value: float) -> None:
    """Refuse NaN and infinity."""
    if value - value != 0:
        raise NotCarried(f"{value} cannot be written in JSON")


def whole_minutes(value: datetime | time) -> None:
    """Refuse a UTC offset that pydantic cuts to minutes."""
    zone = value.tzinfo
    if zone is None or zone is UTC:
        return
    offset = value.utcoffset()
    if offset is not None and (offset.seconds % 60 or offset.microseconds):
        raise NotCarried(f"its UTC offset {offset} has seconds, which would be cut off; convert {value} to UTC")


_LOSSY: dict[str, Walk] = {"float": finite, "datetime": whole_minutes, "time": whole_minutes}


def _nothing(value: Any) -> None: ...


def _recursive_walk(later: list[Walk]) -> Walk:
    """The walk that will stand in the list once it is made: it is being made just now."""

    def walk_recursive(value: Any) -> None:
        later[0](value)

    return walk_recursive


def _optional_walk(inner: Walk | None) -> Walk | None:
    if inner is None:
        return None

    def walk_optional(value: Any) -> None:
        if value is not None:
            inner(value)

    return walk_optional


def _items_walk(inner: Walk) -> Walk:
    def walk_items(value: Any) -> None:
        for item in value:
            inner(item)

    return walk_items


def _values_walk(inner: Walk) -> Walk:
    def walk_values(value: Any) -> None:
        for item in value.values():
            inner(item)

    return walk_values


def _tuple_walk(inner: list[Walk]) -> Walk:
    def walk_tuple(value: Any) -> None:
        for check, item in zip(inner, value, strict=True):
            check(item)

    return walk_tuple


def _model_walk(cls: type, fields: list[tuple[str, Walk]]) -> Walk:
    def walk_model(value: Any) -> None:
        if type(value) is not cls:
            raise NotCarried(
                f"a {type(value).__name__} stands where {cls.__name__} is declared; it would arrive as that"
            )
        held = value.__dict__
        for name, check in fields:
            if name in held:
                check(held[name])

    return walk_model
