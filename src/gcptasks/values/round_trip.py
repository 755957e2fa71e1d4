"""The full round trip: what arrives is found out by doing what the worker will do, and compared with what was given.

A type that takes it may run the user's own code. That sees a copy, so that nothing of the caller's is changed.
"""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from gcptasks.values.difference import at, difference
from gcptasks.values.equality import alike
from gcptasks.values.read_names import as_read
from gcptasks.values.refusal import NotCarried, Unreceived, at_place, serializer_said, shown
from gcptasks.values.unset import left_out

Same = Callable[[Any, Any], bool]
Check = Callable[[Any], Any]


def strictly(adapter: TypeAdapter[Any], value: Any) -> Any:
    """The value as pydantic's strict mode takes it; ValidationError, or NotCarried if it becomes another."""
    checked = adapter.validator.validate_python(value, strict=True)
    if checked is not value and not _takes(value, checked):
        raise NotCarried(difference(value, checked))
    return checked


def strict_check(adapter: TypeAdapter[Any]) -> Check:
    """The same, of a copy wherever the type runs code of the user's: that may change what it is given."""
    typed: Any = adapter.core_schema
    if not _calls_own_code(typed):
        return lambda value: strictly(adapter, value)

    def check_copy(value: Any) -> Any:
        checked = adapter.validator.validate_python(copied(value), strict=True)
        if not _takes(value, checked):
            raise NotCarried(difference(value, checked))
        return checked

    return check_copy


def copied(value: Any) -> Any:
    """A copy that the user's own code may change."""
    try:
        return copy.deepcopy(value)
    except Exception as error:  # whatever a class of the user's raises
        raise NotCarried(f"it cannot be copied to be checked: {type(error).__name__}: {error}") from error


def _calls_own_code(schema: Any) -> bool:
    """Whether pydantic may call a function: a validator, a serializer."""
    return any(callable(part) and not isinstance(part, type) for part in _everything(schema))


def _holds_union(schema: Any) -> bool:
    return any(part in ("union", "tagged-union") for part in _everything(schema) if isinstance(part, str))


def _everything(schema: Any) -> Iterator[Any]:
    """Every part of any schema that is no object or array itself."""
    if isinstance(schema, dict):
        for key, part in cast("dict[str, Any]", schema).items():
            if key != "metadata":
                yield from _everything(part)
    elif isinstance(schema, list | tuple):
        for part in cast("list[Any]", schema):
            yield from _everything(part)
    else:
        yield schema


def _takes(value: Any, checked: Any) -> bool:
    # `True` is 1 to Python, and passes for a literal 1 in strict mode.
    if isinstance(value, bool) is not isinstance(checked, bool):
        return False
    return bool(value == checked) or alike(value, checked)


def same_fields(sent: BaseModel, got: BaseModel) -> bool:
    """Whether two models of scalars, and lists of them, hold the same; `5` set where a float is declared is `5.0`."""
    held, others = sent.__dict__, got.__dict__
    return all(
        name in held and name in others and _same_field(held[name], others[name]) for name in type(sent).model_fields
    )


def same_models(sent: list[BaseModel], got: list[BaseModel]) -> bool:
    """The same of two lists of such models."""
    return len(sent) == len(got) and all(map(same_fields, sent, got))


def _same_field(sent: Any, got: Any) -> bool:
    if type(sent) is type(got) is list:
        return len(sent) == len(got) and all(map(_takes, sent, got))
    return _takes(sent, got)


def same_as(checked: Any) -> Same:
    """Whether what arrives is what was given, or what strict mode took that for; looked at once all code has run."""

    def same_in_the_end(sent: Any, got: Any) -> bool:
        return alike(sent, got) or (alike(checked, got) and _takes(sent, checked))

    return same_in_the_end


def round_trip(sent: Any, wire: Any, receive: Callable[[Any], Any], same: Same = alike) -> None:
    """Raise NotCarried unless `wire`, once received, is the same as `sent`."""
    try:
        got = receive(wire)
    except Unreceived as error:
        place, refused = at(sent, error.place)
        raise NotCarried(at_place(place, f"the worker would refuse {shown(refused)}: {error}")) from None
    except RecursionError as error:
        raise NotCarried(f"the worker would refuse it: {error}") from None
    if not same(sent, got):
        raise NotCarried(difference(sent, got))


def json_by_round_trip(adapter: TypeAdapter[Any], receive: Callable[[Any], Any]) -> Callable[[Any], bytes]:
    """How a value is written whose type alone does not say whether it arrives."""
    check = strict_check(adapter)
    # FastAPI versions differ in how they choose, so what tells the choices apart is always sent.
    keep_tags = _holds_union(adapter.core_schema)

    def write_by_round_trip(value: Any) -> bytes:
        try:
            checked = check(value)
        except (ValidationError, NotCarried) as refusal:
            return write_decoded_json(value, refusal)
        same = same_as(checked)
        refusals: dict[bytes, NotCarried] = {}
        try:
            for body in _writings(adapter, checked, keep_tags):
                if body not in refusals:
                    try:
                        round_trip(value, read_json(body), receive, same)
                    except NotCarried as refusal:
                        refusals[body] = refusal
                    else:
                        return body
        except RecursionError as error:
            raise serializer_said(error) from None
        # The reason that the plainest form has: all of it, as pydantic writes it.
        raise refusals[dumped(adapter.serializer.to_json, checked, by_alias=True)]

    def write_decoded_json(value: Any, refusal: Exception) -> bytes:
        """What a type decodes (Json, Base64Bytes): its validators take the text, not the value."""
        try:
            body: bytes = dumped(adapter.serializer.to_json, copied(value), by_alias=True)
            round_trip(value, read_json(body), receive)
        except NotCarried:
            raise refusal from None
        return body

    return write_by_round_trip


def _writings(adapter: TypeAdapter[Any], checked: Any, keep_tags: bool) -> Iterator[bytes]:
    """The forms in which a worker might read the value, the likeliest first."""
    to_json, to_python = adapter.serializer.to_json, adapter.serializer.to_python
    unset = left_out(checked, keep_tags=keep_tags) or None
    for exclude in (unset, None) if unset else (None,):
        for by_alias in (True, False):
            yield dumped(to_json, checked, by_alias=by_alias, exclude=exclude)
        written = dumped(to_python, checked, mode="json", by_alias=False, exclude=exclude)
        yield json.dumps(as_read(checked, written), ensure_ascii=False, separators=(",", ":")).encode()


def read_json(body: bytes) -> Any:
    """What the worker makes of a body, before it validates it; NotCarried for what is no JSON."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotCarried(f"the worker could not read it: {error}") from None


def _no_constant(name: str) -> Any:
    raise NotCarried(f"{name} cannot be written in JSON")


def dumped(write: Callable[..., Any], value: Any, **options: Any) -> Any:
    """What pydantic's serializer makes of the value; NotCarried for a value that is not of its type."""
    try:
        return write(value, round_trip=True, warnings="error", **options)
    except (ValueError, RecursionError) as error:
        raise serializer_said(error) from None
