"""Whether a model of scalars holds values of exactly the declared types: then it arrives as it is.

Most bodies are such models, and most of their values are exact. To ask pydantic instead, by `warnings="error"`, costs
three times what writing a small body does (that is a string, where pydantic looks for a bool first), and says nothing
of None where it is not allowed. Whatever is not exact is asked about, and tried.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi_gcp_tasks.encode.schemas import Reading, Schema

Exact = Callable[[Mapping[str, Any]], bool]
"""Of what a model holds, by the names of its fields."""

_CLASSES: dict[str, type] = {
    "str": str,
    "bytes": bytes,
    "int": int,
    "float": float,
    "decimal": Decimal,
    "bool": bool,
    "date": date,
    "datetime": datetime,
    "time": time,
    "timedelta": timedelta,
    "uuid": UUID,
}


def exact_of(reading: Reading) -> Exact | None:
    """The check for a plain model of scalars and lists of scalars; None for any other."""
    fields: Mapping[str, Any] = reading.root["schema"]["fields"]
    schemas = {name: _without_default(field["schema"]) for name, field in fields.items()}
    classes = {name: _choices(schema) for name, schema in schemas.items()}
    if not all(classes.values()):
        return None
    fields_of = list(classes.items())
    lists = [(name, frozenset(items)) for name, schema in schemas.items() if (items := _item_choices(schema))]

    def holds_exact_types(held: Mapping[str, Any]) -> bool:
        for name, choices in fields_of:
            if name not in held or type(held[name]) not in choices:
                return False
        for name, items in lists:
            value = held[name]
            if value is not None and not items.issuperset(map(type, value)):
                return False
        return True  # what else it may hold is no field: a cached property that was read

    return holds_exact_types


def _choices(schema: Schema) -> tuple[type, ...]:
    """The classes that a field's value can have, or none if they do not say enough."""
    if not _item_choices(schema):
        return scalar_choices(schema)
    return (list, type(None)) if schema["type"] == "nullable" else (list,)


def _item_choices(schema: Schema) -> tuple[type, ...]:
    if schema["type"] == "nullable":
        return _item_choices(schema["schema"])
    return scalar_choices(schema["items_schema"]) if schema["type"] == "list" else ()


def scalar_choices(schema: Schema) -> tuple[type, ...]:
    """The classes that a scalar can have, or none if it is no scalar."""
    if schema["type"] == "nullable":
        inner = scalar_choices(schema["schema"])
        return (*inner, type(None)) if inner else ()
    if schema["type"] == "enum":
        return (schema["cls"],)
    return (_CLASSES[schema["type"]],) if schema["type"] in _CLASSES else ()


def _without_default(schema: Schema) -> Schema:
    return schema["schema"] if schema["type"] == "default" else schema
