"""The text of a parameter in a path, a query, a header or a cookie."""

from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from typing import Any, cast

from pydantic import ValidationError

from fastapi_gcp_tasks.encode.parameters import Parameter
from fastapi_gcp_tasks.encode.scalar_text import TEXTS, plain_text
from gcptasks.values.refusal import NotCarried, named
from gcptasks.values.round_trip import Check, copied, dumped, round_trip, same_as, strict_check, strictly
from gcptasks.values.schemas import ENUM, Reading, Schema, items, only

ToText = Callable[[Any], str | None]
ToTexts = Callable[[Any], list[str] | None]
"""None leaves the parameter out."""

# pydantic always says so, and Python's own microseconds have nothing to truncate.
_UNCONSTRAINED = frozenset(("microseconds_precision",))


def text_of(parameter: Parameter) -> ToText:
    """How this parameter's one value is written, decided once."""
    write = _text_writer(parameter)
    if not parameter.others:
        return write

    def write_shared_text(value: Any) -> str | None:
        text = write(value)
        if text is not None:
            parameter.check_others([text])
        return text

    return write_shared_text


def texts_of(parameter: Parameter) -> ToTexts:
    """How the values of this parameter's repeated key are written."""
    write = _texts_writer(parameter)
    if not parameter.others:
        return write

    def write_shared_texts(value: Any) -> list[str] | None:
        texts = write(value)
        if texts is not None:
            parameter.check_others(texts)
        return texts

    return write_shared_texts


def _text_writer(parameter: Parameter) -> ToText:
    reading = Reading(parameter.adapter)
    schema = reading.root
    if schema["type"] == "enum" and only(schema, ENUM):
        return _enum_text_writer(parameter, schema)
    if not reading.is_plain_scalar(schema):
        return _round_trip_text_writer(parameter)
    cls, write = TEXTS[schema["type"]]
    write_checked = _checked_text_writer(parameter, write)
    if schema["type"] == "decimal" or not only(schema, _UNCONSTRAINED):
        return write_checked

    def write_exact_text(value: Any) -> str | None:
        return write(value) if type(value) is cls else write_checked(value)

    return write_exact_text


def _texts_writer(parameter: Parameter) -> ToTexts:
    reading = Reading(parameter.adapter)
    held = list(items(reading.root)) if reading.root["type"] in ("list", "set", "frozenset") else []
    if not (reading.is_plain() and len(held) == 1 and reading.is_plain_scalar(held[0])):
        return _round_trip_texts_writer(parameter)
    write = TEXTS[held[0]["type"]][1]
    check = partial(strictly, parameter.adapter)

    def write_plain_texts(value: Any) -> list[str] | None:
        if value is None:
            parameter.check_omission(value)
            return None
        checked = _checked(parameter, check, value)
        if not checked:
            parameter.check_omission(value)
            return None
        return list(map(write, checked))

    return write_plain_texts


def _checked(parameter: Parameter, check: Check, value: Any) -> Any:
    try:
        return check(value)
    except ValidationError as error:
        raise named(error, parameter.name) from None


def _checked_text_writer(parameter: Parameter, write: Callable[[Any], str]) -> ToText:
    check = partial(strictly, parameter.adapter)

    def write_checked_text(value: Any) -> str | None:
        if value is None:
            parameter.check_omission(value)
            return None
        return write(_checked(parameter, check, value))

    return write_checked_text


def _enum_text_writer(parameter: Parameter, schema: Schema) -> ToText:
    """Few values, so each is tried at registration; a member that fails is tried again at the call, for the reason."""
    write_by_round_trip = _round_trip_text_writer(parameter)
    cls: type = schema["cls"]
    texts: dict[Enum, str] = {}
    for member in cast("list[Enum]", schema["members"]):
        try:
            texts[member] = cast(str, write_by_round_trip(member))
        except Exception:  # the class's own code may raise anything
            continue

    def write_enum_text(value: Any) -> str | None:
        if type(value) is cls and value in texts:
            return texts[value]
        return write_by_round_trip(value)

    return write_enum_text


def _round_trip_text_writer(parameter: Parameter) -> ToText:
    check, dump = strict_check(parameter.adapter), parameter.adapter.serializer.to_python

    def write_text_by_round_trip(value: Any) -> str | None:
        if value is None:
            parameter.check_omission(value)
            return None
        try:
            checked = _checked(parameter, check, value)
        except (ValidationError, NotCarried) as refusal:
            return write_decoded_text(value, refusal)
        text = plain_text(dumped(dump, checked, mode="json", by_alias=True))
        round_trip(value, text, parameter.receive, same_as(checked))
        return text

    def write_decoded_text(value: Any, refusal: Exception) -> str:
        """The text of what a type decodes (Json, Base64Bytes): its validators take the text, not the value."""
        try:
            text = plain_text(dumped(dump, copied(value), mode="json", by_alias=True))
            round_trip(value, text, parameter.receive)
        except NotCarried as reason:
            raise reason if Reading(parameter.adapter).root["type"] == "json" else refusal from None
        return text

    return write_text_by_round_trip


def _round_trip_texts_writer(parameter: Parameter) -> ToTexts:
    check, dump = strict_check(parameter.adapter), parameter.adapter.serializer.to_python

    def write_texts_by_round_trip(value: Any) -> list[str] | None:
        if value is None:
            parameter.check_omission(value)
            return None
        checked = _checked(parameter, check, value)
        simple: Any = dumped(dump, checked, mode="json", by_alias=True)
        several: Iterable[object] = simple if issubclass(type(simple), list) else (simple,)
        texts = [plain_text(one) for one in several]
        if not texts:
            parameter.check_omission(value)
            return None
        round_trip(value, texts, parameter.receive, same_as(checked))
        return texts

    return write_texts_by_round_trip
