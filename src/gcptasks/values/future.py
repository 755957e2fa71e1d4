"""What must lie in the future (`FutureDate`, `FutureDatetime`): it must still do so when the task is due."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, cast

from gcptasks.values.refusal import NotCarried, at_place
from gcptasks.values.schemas import Schema

_INNER = ("schema", "lax_schema", "python_schema")


def asks_future(schema: Any) -> bool:
    """Whether a core schema has a type that asks for the future."""
    if isinstance(schema, dict):
        held = cast("dict[str, Any]", schema)
        return held.get("now_op") == "future" or any(
            asks_future(part) for key, part in held.items() if key != "metadata"
        )
    return isinstance(schema, list | tuple) and any(map(asks_future, cast("list[Any]", schema)))


class FutureCheck:
    """Looks at values that must lie in the future: at an aware time, or with None at every run of a job."""

    def __init__(self, due: datetime | None) -> None:
        self._due = due and due.astimezone()
        self._definitions: dict[str, Schema] = {}

    def check(self, schema: Schema, value: Any, place: tuple[Any, ...] = ()) -> None:
        """Raise NotCarried for a moment in the value that its type wants in the future, and will have passed."""
        if schema["type"] == "definitions":
            self._definitions |= {one["ref"]: one for one in schema["definitions"]}
        if schema["type"] == "definition-ref":
            return self.check(self._definitions[schema["schema_ref"]], value, place)
        if schema.get("now_op") == "future" and self._will_have_passed(value):
            raise NotCarried(at_place(place, f"{value} lies in the future now, but not {self._when()}"))
        for key, inner, part in _below(schema, value):
            self.check(inner, part, place if key is None else (*place, key))
        return None

    def _will_have_passed(self, value: Any) -> bool:
        if self._due is None:
            return isinstance(value, date)
        if isinstance(value, datetime):
            return value <= (self._due if value.tzinfo else self._due.replace(tzinfo=None))
        return isinstance(value, date) and value <= self._due.date()

    def _when(self) -> str:
        if self._due is None:
            return "at every run of a job: declare a type that takes the past too, and look at it in the endpoint"
        return f"when the task is due, at {self._due.isoformat(timespec='seconds')}"


def _below(schema: Schema, value: Any) -> Iterator[tuple[Any, Schema, Any]]:
    """The parts of a schema, each with the part of the value that it is for, and the step there, if it is one."""
    if schema["type"] in ("model-fields", "dataclass-args", "typed-dict"):
        yield from _fields(schema, value)
        return
    for key in _INNER:
        if key in schema:
            yield None, schema[key], value
    for choice in _choices(schema):
        yield None, choice, value
    yield from _items(schema, value)


def _choices(schema: Schema) -> Iterator[Schema]:
    """Of a union, some with a label of their own, or the steps of a chain."""
    found: Any = schema.get("choices", schema.get("steps", ()))
    for choice in found.values() if schema["type"] == "tagged-union" else found:
        yield choice[0] if isinstance(choice, tuple) else choice


def _fields(schema: Schema, value: Any) -> Iterator[tuple[Any, Schema, Any]]:
    fields: Any = schema["fields"]
    if schema["type"] == "dataclass-args":
        fields = {field["name"]: field for field in fields}
    mapping = issubclass(type(value), Mapping)
    for name, field in fields.items():
        if (name in value) if mapping else hasattr(value, name):
            yield name, field["schema"], value[name] if mapping else getattr(value, name)


def _items(schema: Schema, value: Any) -> Iterator[tuple[Any, Schema, Any]]:
    if schema["type"] == "dict" and issubclass(type(value), Mapping):
        for key, item in value.items():
            for part, one in (("keys_schema", key), ("values_schema", item)):
                if part in schema:
                    yield key, schema[part], one
    elif "items_schema" in schema and issubclass(type(value), Iterable):
        found: Any = schema["items_schema"]
        of_items: list[Schema] = found if issubclass(type(found), list) else [found]
        for index, item in enumerate(value):
            yield index, of_items[min(index, len(of_items) - 1)], item
