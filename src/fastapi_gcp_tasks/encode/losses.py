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
    return _Walks(reading.definitions).walk(reading.root)


class _Walks:
    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions
        self._made: dict[str, list[Walk]] = {}

    def walk(self, schema: Schema) -> Walk | None:
        kind = schema["type"]
        if kind in _LOSSY:
            return _LOSSY[kind]
        if kind == "default":
            return self.walk(schema["schema"])
        if kind == "nullable":
            return _walk_unless_none(self.walk(schema["schema"]))
        if kind == "definition-ref":
            return self._walk_reference(schema["schema_ref"])
        if kind == "model":
            fields = schema["schema"]["fields"].items()
            walks = [(name, self.walk(field["schema"])) for name, field in fields]
            return _walk_model(schema["cls"], [(name, walk) for name, walk in walks if walk])
        return self._walk_items(schema)

    def _walk_reference(self, ref: str) -> Walk:
        if ref in self._made:
            later = self._made[ref]
            return lambda value: later[0](value)
        self._made[ref] = []
        walk = self.walk(self._definitions[ref]) or _nothing
        self._made[ref].append(walk)
        return walk

    def _walk_items(self, schema: Schema) -> Walk | None:
        walks = [self.walk(item) for item in items(schema)]
        if not any(walks):
            return None
        if schema["type"] == "dict":
            return _walk_values(walks[-1] or _nothing)
        if schema["type"] == "tuple" and "variadic_item_index" not in schema:
            return _walk_tuple([walk or _nothing for walk in walks])
        return _walk_each(walks[0] or _nothing)


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


def _walk_unless_none(inner: Walk | None) -> Walk | None:
    if inner is None:
        return None

    def walk(value: Any) -> None:
        if value is not None:
            inner(value)

    return walk


def _walk_each(inner: Walk) -> Walk:
    def walk(value: Any) -> None:
        for item in value:
            inner(item)

    return walk


def _walk_values(inner: Walk) -> Walk:
    def walk(value: Any) -> None:
        for item in value.values():
            inner(item)

    return walk


def _walk_tuple(inner: list[Walk]) -> Walk:
    def walk(value: Any) -> None:
        for check, item in zip(inner, value, strict=True):
            check(item)

    return walk


def _walk_model(cls: type, fields: list[tuple[str, Walk]]) -> Walk:
    def walk(value: Any) -> None:
        if type(value) is not cls:
            raise NotCarried(
                f"a {type(value).__name__} stands where {cls.__name__} is declared; it would arrive as that"
            )
        held = value.__dict__
        for name, check in fields:
            if name in held:
                check(held[name])

    return walk
