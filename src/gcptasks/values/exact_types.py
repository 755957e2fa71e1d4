"""Whether a model of scalars, or a list or dict of such, holds exactly the declared types: then it arrives as it is.

Most bodies are such, and most of their values are exact. To ask pydantic instead, by `warnings="error"`, costs three
times what writing a small body does (that is a string, where pydantic looks for a bool first), and says nothing of None
where it is not allowed. Whatever is not exact is asked about, and tried.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from gcptasks.values.schemas import ENUM, Reading, Schema, only

Exact = Callable[[Mapping[str, Any]], bool]
"""Of what a model holds, by the names of its fields."""

_class_of: Callable[[Any], type] = type  # under another name, pyright takes the value for what it was before
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
        try:
            for name, choices in fields_of:
                if type(held[name]) not in choices:
                    return False
        except KeyError:  # a field that is gone
            return False
        for name, items in lists:
            value = held[name]
            if value is not None and not items.issuperset(map(type, value)):
                return False
        return True  # what else it may hold is no field: a cached property that was read

    return holds_exact_types


def exact_value_of(reading: Reading) -> Callable[[Any], bool] | None:
    """The check for a scalar, a list or dict of them, or a list of models of them, if classes say all of their type."""
    schema = reading.root
    if classes := free_choices(schema):
        return _exact_scalar(classes)
    if schema["type"] == "dict" and only(schema, frozenset(("keys_schema", "values_schema"))):
        keys, values = free_choices(schema["keys_schema"]), free_choices(schema["values_schema"])
        return _exact_dict(keys, values) if keys and values else None
    if schema["type"] != "list" or not only(schema, frozenset(("items_schema",))):
        return None
    item = schema["items_schema"]
    if item["type"] == "model":
        return _exact_models(item)
    choices = free_choices(item)
    return _exact_list(choices) if choices else None


def _exact_scalar(classes: tuple[type, ...]) -> Callable[[Any], bool]:
    def is_exact_scalar(value: Any) -> bool:
        return type(value) in classes

    return is_exact_scalar


def _exact_list(items: tuple[type, ...]) -> Callable[[Any], bool]:
    are_exact = frozenset(items).issuperset

    def is_exact_list(value: Any) -> bool:
        return _class_of(value) is list and are_exact(map(type, value))

    return is_exact_list


def _exact_dict(keys: tuple[type, ...], values: tuple[type, ...]) -> Callable[[Any], bool]:
    are_keys, are_values = frozenset(keys).issuperset, frozenset(values).issuperset

    def is_exact_dict(value: Any) -> bool:
        return _class_of(value) is dict and are_keys(map(type, value)) and are_values(map(type, value.values()))

    return is_exact_dict


def _exact_models(schema: Schema) -> Callable[[Any], bool] | None:
    fields = schema["schema"]["fields"]
    choices = {name: scalar_choices(_without_default(field["schema"])) for name, field in fields.items()}
    if not all(choices.values()):
        return None
    are_models, held = frozenset((schema["cls"],)).issuperset, attrgetter("__dict__")
    columns = [(itemgetter(name), frozenset(classes).issuperset) for name, classes in choices.items()]

    # Field by field rather than model by model: all of the work for a field is done in C.
    def are_exact_models(value: Any) -> bool:
        if _class_of(value) is not list or not are_models(map(type, value)):
            return False
        held_by_each = list(map(held, value))
        try:
            for get, are_exact in columns:
                if not are_exact(map(type, map(get, held_by_each))):
                    return False
        except KeyError:  # as above
            return False
        return True

    return are_exact_models


def free_choices(schema: Schema) -> tuple[type, ...]:
    """The classes of a scalar, if it takes all of their values, as it takes no Decimal that is NaN."""
    core = schema["schema"] if schema["type"] == "nullable" else schema
    free = core["type"] != "decimal" and only(core, ENUM | {"microseconds_precision"})
    return scalar_choices(schema) if free else ()


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
