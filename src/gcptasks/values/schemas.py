"""What pydantic's core schema of a parameter says: does its type alone decide what arrives?

A value of a plain schema, once it is known to be of its type, is written by pydantic and read back as the same value.
Everything that is not known to be so (validators, unions, own serializers, options that change values, kinds and
options that newer pydantic adds) is not plain, and takes the full round trip at each call.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, cast

from pydantic import TypeAdapter

Schema = Mapping[str, Any]

_RANGE = frozenset(("gt", "ge", "lt", "le"))
_LENGTH = frozenset(("min_length", "max_length"))
_MOMENT = _RANGE | {"now_op", "now_utc_offset", "tz_constraint", "microseconds_precision"}
_ANY = frozenset(("type", "ref", "metadata"))

# The options of each kind that refuse values and never change one.
_SCALARS: dict[str, frozenset[str]] = {
    "str": _LENGTH | {"pattern", "regex_engine"},
    "bytes": _LENGTH,
    "int": _RANGE | {"multiple_of"},
    "float": _RANGE | {"multiple_of"},
    "decimal": _RANGE | {"multiple_of", "max_digits", "decimal_places"},
    "bool": frozenset(),
    "date": _RANGE | {"now_op", "now_utc_offset"},
    "datetime": _MOMENT,
    "time": _RANGE | {"tz_constraint", "microseconds_precision"},
    "timedelta": _RANGE | {"microseconds_precision"},
    "uuid": frozenset(("version",)),
}
_ITEMS = _LENGTH | {"items_schema"}
_CONTAINERS: dict[str, frozenset[str]] = {
    "list": _ITEMS,
    "set": _ITEMS,
    "frozenset": _ITEMS,
    "tuple": _ITEMS | {"variadic_item_index"},
    "dict": _LENGTH | {"keys_schema", "values_schema"},
}
ENUM = frozenset(("cls", "members", "sub_type", "missing"))
_KEYS = frozenset(("str", "int", "uuid"))
_MODEL = frozenset(("cls", "schema", "config", "custom_init", "root_model", "post_init", "frozen", "generic_origin"))
_FIELD = frozenset(("schema", "validation_alias", "serialization_alias", "frozen"))
_CONFIG = frozenset(("title", "extra_fields_behavior", "from_attributes", "loc_by_alias", "hide_input_in_errors"))
_CONFIG_MORE = frozenset(("revalidate_instances", "validate_default", "validation_error_cause", "cache_strings"))
_CONFIG_NAMES = frozenset(("populate_by_name", "validate_by_name", "serialize_by_alias"))


def only(schema: Schema, allowed: frozenset[str]) -> bool:
    """Whether the schema uses no option but these."""
    return schema.keys() <= allowed | _ANY


class Reading:
    """One parameter's schema, with the definitions it refers to."""

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        typed: Any = adapter.core_schema  # a union of TypedDicts, of which newer pydantic has more
        schema: Schema = typed
        self.definitions: dict[str, Schema] = {}
        if schema["type"] == "definitions":
            self.definitions = {one["ref"]: one for one in schema["definitions"]}
            schema = schema["schema"]
        self.root = self._core(schema)
        """The schema itself, without the wrappers for a default and for None."""

    def _core(self, schema: Schema) -> Schema:
        while True:
            if schema["type"] in ("default", "nullable"):
                schema = schema["schema"]
            elif schema["type"] == "definition-ref" and only(schema, frozenset(("schema_ref",))):
                schema = self.definitions[schema["schema_ref"]]
            else:
                return schema

    def is_plain(self) -> bool:
        """Whether a value of this type arrives as it is, whatever the value."""
        return self._plain(self.root, set())

    def is_plain_scalar(self, schema: Schema) -> bool:
        """Whether this is one of the kinds that have a text form, with options that change nothing."""
        return schema["type"] in _SCALARS and only(schema, _SCALARS[schema["type"]])

    def _plain(self, schema: Schema, seen: set[str]) -> bool:
        kind = schema["type"]
        if kind in _SCALARS:
            return only(schema, _SCALARS[kind])
        if kind in _CONTAINERS:
            return only(schema, _CONTAINERS[kind]) and self._plain_items(schema, seen)
        check = {
            "nullable": self._plain_nullable,
            "definition-ref": self._plain_reference,
            "enum": self._plain_enum,
            "literal": self._plain_literal,
            "model": self._plain_model,
        }.get(kind)
        return check is not None and check(schema, seen)

    def _plain_items(self, schema: Schema, seen: set[str]) -> bool:
        if schema["type"] == "dict" and not self._plain_key(schema.get("keys_schema", {"type": "any"})):
            return False
        held = list(items(schema))
        if "variadic_item_index" in schema and len(held) > 1:
            return False
        return bool(held) and all(self._plain(item, seen) for item in held)

    def _plain_key(self, schema: Schema) -> bool:
        # Strict ones are not: JSON has texts for keys.
        return schema["type"] in _KEYS and self.is_plain_scalar(schema)

    def _plain_nullable(self, schema: Schema, seen: set[str]) -> bool:
        return only(schema, frozenset(("schema",))) and self._plain(schema["schema"], seen)

    def _plain_reference(self, schema: Schema, seen: set[str]) -> bool:
        ref = schema["schema_ref"]
        if not only(schema, frozenset(("schema_ref",))):
            return False
        if ref in seen:
            return True
        seen.add(ref)
        return self._plain(self.definitions[ref], seen)

    def _plain_enum(self, schema: Schema, seen: set[str]) -> bool:
        members: list[Enum] = schema["members"]
        return only(schema, ENUM) and all(type(member.value) in (str, int) for member in members)

    def _plain_literal(self, schema: Schema, seen: set[str]) -> bool:
        # `True` passes for a literal 1 in strict mode too, so numbers take the round trip.
        return only(schema, frozenset(("expected",))) and all(type(value) is str for value in schema["expected"])

    def _plain_model(self, schema: Schema, seen: set[str]) -> bool:
        fields = schema["schema"]
        return (
            only(schema, _MODEL)
            and not (schema.get("custom_init") or schema.get("root_model") or schema.get("post_init"))
            and _plain_config(schema.get("config", {}))
            and fields["type"] == "model-fields"
            and only(fields, frozenset(("fields", "model_name", "computed_fields")))
            and not fields.get("computed_fields")
            and all(self._plain_field(field, seen) for field in fields["fields"].values())
            and _names_apart(fields["fields"])
        )

    def _plain_field(self, field: Schema, seen: set[str]) -> bool:
        inner = field["schema"]
        if not only(field, _FIELD) or field.get("validation_alias") != field.get("serialization_alias"):
            return False
        if inner["type"] == "default":
            wrapper, inner = inner, inner["schema"]
            if wrapper.get("default", ...) is None and inner["type"] != "nullable":
                return False  # pydantic checks no defaults, and writes None where it is not allowed
        return self._plain(inner, seen)

    def classes(self) -> list[type]:
        """The model classes inside, the outermost one too."""
        found: dict[type, None] = {}
        for schema in self._everything():
            if schema["type"] == "model":
                found[schema["cls"]] = None
        return list(found)

    def kinds(self) -> set[str]:
        """The types of schema that occur."""
        return {schema["type"] for schema in self._everything()}

    def has_aliases(self) -> bool:
        """Whether there is a model that is written by other names than its fields have."""
        models = [schema for schema in self._everything() if schema["type"] == "model"]
        return any("serialization_alias" in field for one in models for field in one["schema"]["fields"].values())

    def has_text_keys(self) -> bool:
        """Whether there is a dict whose keys are texts of the caller's."""
        return any(schema["type"] == "dict" and schema["keys_schema"]["type"] == "str" for schema in self._everything())

    def _everything(self) -> Iterator[Schema]:
        """Every part of a plain schema, once."""
        stack, seen = [self.root], set[str]()
        while stack:
            schema = stack.pop()
            yield schema
            if schema["type"] == "definition-ref":
                if schema["schema_ref"] not in seen:
                    seen.add(schema["schema_ref"])
                    stack.append(self.definitions[schema["schema_ref"]])
            else:
                stack.extend(_parts(schema))


def _names_apart(fields: Mapping[str, Schema]) -> bool:
    """Whether no two fields of a model can be read from one key: a model may be read by names and by aliases."""
    keys = [key for name, field in fields.items() for key in {name, field.get("validation_alias", name)}]
    return len(keys) == len(set(keys))


def _plain_config(config: Schema) -> bool:
    return config.keys() <= _CONFIG | _CONFIG_MORE | _CONFIG_NAMES and config.get("extra_fields_behavior") != "allow"


def items(schema: Schema) -> Iterator[Schema]:
    """What a container holds: a tuple's members one by one, a dict's values."""
    if schema["type"] == "dict":
        if "values_schema" in schema:
            yield schema["values_schema"]
        return
    held = schema.get("items_schema")
    if isinstance(held, list):
        yield from cast("list[Schema]", held)
    elif held is not None:
        yield held


def _parts(schema: Schema) -> Iterator[Schema]:
    if schema["type"] == "model":
        yield from (field["schema"] for field in schema["schema"]["fields"].values())
    elif schema["type"] in ("default", "nullable"):
        yield schema["schema"]
    elif schema["type"] in _CONTAINERS:
        yield from items(schema)
