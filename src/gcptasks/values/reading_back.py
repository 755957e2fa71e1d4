"""Reading JSON that pydantic wrote of a type: by the names by which it wrote, not by those that callers are to use.

A model may read by other names than it writes, and what it computes it does not read at all. So the validator here is
made of the type's own schema, with each field under the names that were written as well.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic_core import SchemaValidator

_WITH_FIELDS = ("model-fields", "dataclass-args", "typed-dict")
_VALUES = ("default", "expected", "metadata", "config", "serialization")
"""What in a schema is none, or is nothing to read by."""


def reader_back(type: Any, *, by_alias: bool = True) -> Callable[[bytes], Any]:
    """What reads JSON that was written of this type, by aliases or by names; `ValueError` for what does not fit."""
    schema = _as_written(TypeAdapter(type).core_schema, by_alias)
    try:
        # Without it the classes in the schema would read as they always do.
        validator = SchemaValidator(schema, _use_prebuilt=False)
    except TypeError:  # older ones do not take it, and do not do that
        validator = SchemaValidator(schema)
    return validator.validate_json


def _as_written(schema: Any, by_alias: bool) -> Any:
    if isinstance(schema, list | tuple):
        return [_as_written(one, by_alias) for one in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    parts = cast("dict[str, Any]", schema)
    read = {key: one if key in _VALUES else _as_written(one, by_alias) for key, one in parts.items()}
    if read.get("computed_fields"):
        read["extra_behavior"] = "ignore"
    if read.get("type") in _WITH_FIELDS:
        for name, field in _named(read["fields"]):
            _name_as_written(name, field, by_alias)
    return read


def _named(fields: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    """The fields by name; those of a dataclass say theirs."""
    if isinstance(fields, dict):
        return cast("dict[str, dict[str, Any]]", fields).items()
    return ((field["name"], field) for field in fields)


def _name_as_written(name: str, field: dict[str, Any], by_alias: bool) -> None:
    written = field.get("serialization_alias", name)
    names = [written, name] if by_alias else [name, written]
    field["validation_alias"] = [*([one] for one in dict.fromkeys(names)), *_paths(field.get("validation_alias"))]


def _paths(alias: Any) -> list[Any]:
    """The places of an alias, as a list of paths."""
    if alias is None:
        return []
    if isinstance(alias, str):
        return [[alias]]
    return list(alias) if isinstance(alias[0], list) else [alias]
