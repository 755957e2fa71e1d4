"""Walks over the values of a plain type, compiled once from its schema."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

from gcptasks.values.schemas import Reading, Schema, items

Found: TypeAlias = Any
"""What a walk found: a dict by field, index or key, or just the names of fields. If it is empty it is nothing."""
Walk: TypeAlias = Callable[[Any], Found]
"""Looks at a value and at all that is in it."""


class Walks:
    """Makes one kind of walk: a subclass says what it does at scalars and at models."""

    scalars: ClassVar[Mapping[str, Walk]] = {}
    """What looks at a scalar, by the type of its schema."""

    def __init__(self, reading: Reading) -> None:
        self._root, self._definitions = reading.root, reading.definitions
        self._made: dict[str, list[Walk]] = {}

    def walk(self) -> Walk | None:
        """The walk, or None if there is nothing to look at."""
        return self._walk_of(self._root)

    def model_walk(self, schema: Schema, fields: list[tuple[str, Walk]]) -> Walk | None:
        """What looks at a model, given the walks of those fields that have one."""
        raise NotImplementedError

    def values_walk(self, inner: Walk) -> Walk:
        """What looks at the values of a dict."""

        def walk_values(value: Any) -> Found:
            return {key: found for key, item in value.items() if (found := inner(item))}

        return walk_values

    def items_walk(self, inner: Walk) -> Walk:
        """What looks at the items of a list."""

        def walk_items(value: Any) -> Found:
            return {index: found for index, item in enumerate(value) if (found := inner(item))}

        return walk_items

    def tuple_walk(self, inner: list[Walk]) -> Walk:
        """What looks at the items of a tuple, each in its way."""

        def walk_tuple(value: Any) -> Found:
            walks = enumerate(zip(inner, value, strict=False))
            return {index: found for index, (walk, item) in walks if (found := walk(item))}

        return walk_tuple

    def set_walk(self, inner: Walk) -> Walk:
        """What looks at the members of a set, which stand nowhere."""
        raise NotImplementedError

    def _walk_of(self, schema: Schema) -> Walk | None:
        kind = schema["type"]
        if kind in self.scalars:
            return self.scalars[kind]
        if kind == "default":
            return self._walk_of(schema["schema"])
        if kind == "nullable":
            return _optional_walk(self._walk_of(schema["schema"]))
        if kind == "definition-ref":
            return self._reference_walk(schema["schema_ref"])
        if kind == "model":
            fields = schema["schema"]["fields"].items()
            walks = [(name, self._walk_of(field["schema"])) for name, field in fields]
            return self.model_walk(schema, [(name, walk) for name, walk in walks if walk])
        return self._container_walk(schema)

    def _reference_walk(self, ref: str) -> Walk:
        if ref in self._made:
            return _recursive_walk(self._made[ref])
        self._made[ref] = []
        walk = self._walk_of(self._definitions[ref]) or _nothing
        self._made[ref].append(walk)
        return walk

    def _container_walk(self, schema: Schema) -> Walk | None:
        walks = [self._walk_of(item) for item in items(schema)]
        if not any(walks):
            return None
        first = walks[0] or _nothing
        if schema["type"] in ("set", "frozenset"):
            return self.set_walk(first)
        if schema["type"] == "dict":
            return self.values_walk(first)
        if schema["type"] == "tuple" and "variadic_item_index" not in schema:
            return self.tuple_walk([walk or _nothing for walk in walks])
        return self.items_walk(first)


def _nothing(value: Any) -> Found:
    return 0


def _recursive_walk(later: list[Walk]) -> Walk:
    """The walk that will stand in the list once it is made: it is being made just now."""

    def walk_recursive(value: Any) -> Found:
        return later[0](value)

    return walk_recursive


def _optional_walk(inner: Walk | None) -> Walk | None:
    if inner is None:
        return None

    def walk_optional(value: Any) -> Found:
        return 0 if value is None else inner(value)

    return walk_optional
