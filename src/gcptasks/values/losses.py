"""What a plain type allows and JSON, or pydantic's way to write it, would lose: found by walking the value."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, ClassVar

from gcptasks.values.refusal import NotCarried, at_place
from gcptasks.values.schemas import Reading, Schema
from gcptasks.values.walks import Found, Walk, Walks


def losses_of(reading: Reading) -> Walk | None:
    """The walk that raises NotCarried at the first value that would not arrive as it is; None if there can be none."""
    return _Losses(reading).walk()


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


def first_loss(reading: Reading, value: Any) -> NotCarried | None:
    """The refusal of a value that the walk does not let pass, with the place in it: a second, slower walk."""
    walk = _Places(reading).walk()
    found: Any = walk(value) if walk else None
    place: list[Any] = []
    while found and not isinstance(found, str):
        key, found = next(iter(found.items()))
        place.append(key)
    return NotCarried(at_place(place, found)) if found else None


def _other_class(value: Any, cls: type) -> str:
    return f"a {type(value).__name__} stands where {cls.__name__} is declared; it would arrive as that"


def _finding(check: Walk) -> Walk:
    """What returns the reason that the check raises."""

    def find_loss(value: Any) -> Any:
        try:
            check(value)
        except NotCarried as refusal:
            return str(refusal)
        return None

    return find_loss


class _Losses(Walks):
    scalars: ClassVar[Mapping[str, Walk]] = {"float": finite, "datetime": whole_minutes, "time": whole_minutes}

    def model_walk(self, schema: Schema, fields: list[tuple[str, Walk]]) -> Walk | None:
        cls: type = schema["cls"]

        def walk_model(value: Any) -> Found:
            if type(value) is not cls:
                raise NotCarried(_other_class(value, cls))
            held = value.__dict__
            for name, check in fields:
                if name in held:
                    check(held[name])
            return None

        return walk_model

    def set_walk(self, inner: Walk) -> Walk:
        def walk_set(value: Any) -> Found:
            for member in value:
                inner(member)
            return None

        return walk_set


class _Places(Walks):
    scalars: ClassVar[Mapping[str, Walk]] = {kind: _finding(check) for kind, check in _Losses.scalars.items()}

    def model_walk(self, schema: Schema, fields: list[tuple[str, Walk]]) -> Walk | None:
        cls: type = schema["cls"]

        def find_in_model(value: Any) -> Any:
            if type(value) is not cls:
                return _other_class(value, cls)
            held = value.__dict__
            return {name: found for name, find in fields if name in held and (found := find(held[name]))}

        return find_in_model

    def set_walk(self, inner: Walk) -> Walk:
        def find_in_set(value: Any) -> Any:
            return next((found for member in value if (found := inner(member))), None)

        return find_in_set
