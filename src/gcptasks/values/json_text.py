"""The JSON of one value, and how it is made sure that it arrives as it was given."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from gcptasks.values.exact_types import exact_of, exact_value_of
from gcptasks.values.losses import first_loss, losses_of
from gcptasks.values.refusal import NotCarried, reasons, serializer_said
from gcptasks.values.round_trip import (
    json_by_round_trip,
    read_json,
    round_trip,
    same_fields,
    same_models,
    strictly,
)
from gcptasks.values.schemas import Reading
from gcptasks.values.unset import Doubtful, left_out_of
from gcptasks.values.walks import Walk

ToJson = Callable[[Any], bytes | None]
"""None leaves the value out."""

_NOTHING: Mapping[str, Any] = {}
_MOST_DIGITS = 4300  # of an int that Python reads: sys.int_info.default_max_str_digits
_EVERY = 512
_DOUBTS = (Doubtful, AttributeError, KeyError, TypeError)
"""What is raised by a walk over a value that is not of its type."""
_REPLACED = "\N{REPLACEMENT CHARACTER}".encode()
"""What pydantic writes for each byte of a lone surrogate in a key. Its first byte alone is looked for sooner."""
_NULL = re.compile(b"null").search  # in 10 KB found sooner than by `in`
_RUN = b"0" * (_MOST_DIGITS // _EVERY)
_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))


class Declared(NamedTuple):
    """What is to be written: its type, and what its reader does."""

    adapter: TypeAdapter[Any]
    receive: Callable[[Any], Any]
    """What the worker makes of what was written; raises Unreceived."""
    check_omission: Callable[[Any], None]
    """Raises unless leaving it out makes the worker see this value."""


def json_writer(declared: Declared) -> ToJson:
    """How values of this type are written, decided once."""
    reading = Reading(declared.adapter)
    if not reading.is_plain():
        return _optional_writer(declared, json_by_round_trip(declared.adapter, declared.receive))
    if reading.root["type"] == "model":
        return _plain_model_writer(declared, reading)
    return _optional_writer(declared, _plain_value_writer(declared, reading))


def _optional_writer(declared: Declared, write: Callable[[Any], bytes]) -> ToJson:
    def write_optional(value: Any) -> bytes | None:
        if value is None:
            declared.check_omission(value)
            return None
        try:
            return write(value)
        except ValidationError as error:
            raise NotCarried(reasons(error)) from None

    return write_optional


def _plain_model_writer(declared: Declared, reading: Reading) -> ToJson:
    cls: type = reading.root["cls"]
    dump = declared.adapter.serializer.to_json
    walk, text_keys = _walk_of(reading), reading.has_text_keys()
    check_losses = _losses_check(declared, reading, walk)
    holds_exact_types = exact_of(reading)
    write = partial(dump, by_alias=True) if reading.has_aliases() else dump
    to_leave_out = left_out_of(reading)
    write_by_round_trip = json_by_round_trip(declared.adapter, declared.receive)

    def write_plain_model(value: Any) -> bytes | None:
        if type(value) is not cls:
            _refuse_class(declared, cls, value)
            return None
        try:
            left_out = to_leave_out(value) if to_leave_out is not None else _NOTHING
            if holds_exact_types is not None and holds_exact_types(value.__dict__):
                body: bytes = write(value, **left_out) if left_out else write(value)
            else:
                body = dump(value, by_alias=True, round_trip=True, warnings="error", **left_out)
                if holds_exact_types is not None:
                    # pydantic does not complain of None, True for 1, or a field that is gone.
                    round_trip(value, read_json(body), declared.receive, same_fields)
        except _DOUBTS:
            return write_by_round_trip(value)
        except (ValueError, RecursionError) as error:
            raise serializer_said(error) from None
        if walk or text_keys or len(body) > _MOST_DIGITS:
            check_losses(value, body)
        return body

    return write_plain_model


def _refuse_class(declared: Declared, cls: type, value: Any) -> None:
    if isinstance(value, cls):
        raise NotCarried(f"it takes {cls.__name__}, and not its subclass {type(value).__name__}")
    if value is not None:
        raise NotCarried(f"it takes {cls.__name__}, not {type(value).__name__}")
    declared.check_omission(value)


def _plain_value_writer(declared: Declared, reading: Reading) -> Callable[[Any], bytes]:
    adapter = declared.adapter
    dump = adapter.serializer.to_json
    write = partial(dump, by_alias=True) if reading.has_aliases() else dump
    check_losses = _losses_check(declared, reading, _walk_of(reading))
    to_leave_out = left_out_of(reading)
    write_by_round_trip = json_by_round_trip(declared.adapter, declared.receive)
    holds_exact_types = exact_value_of(reading)
    holds_models = holds_exact_types is not None and bool(reading.classes())

    def write_plain_value(value: Any) -> bytes:
        is_exact = holds_exact_types is not None and holds_exact_types(value)
        checked = value if is_exact else strictly(adapter, value)
        try:
            left_out = to_leave_out(checked) if to_leave_out is not None else _NOTHING
        except _DOUBTS:
            return write_by_round_trip(value)
        try:
            if not is_exact:
                body: bytes = dump(checked, by_alias=True, round_trip=True, warnings="error", **left_out)
            else:
                body = write(checked, **left_out) if left_out else write(checked)
        except (ValueError, RecursionError) as error:
            raise serializer_said(error) from None
        check_losses(checked, body, classes_checked=is_exact)
        if holds_models and not is_exact:
            # As above.
            round_trip(checked, read_json(body), declared.receive, same_models)
        return body

    return write_plain_value


def _walk_of(reading: Reading) -> Walk | None:
    """The walk that finds losses; None for a flat model that has no field to lose anything of."""
    classes, kinds = reading.classes(), reading.kinds()
    flat = len(classes) < 2 and reading.root["type"] == "model" and "definition-ref" not in kinds
    return None if flat and not kinds & {"datetime", "time", "float"} else losses_of(reading)


def _losses_check(declared: Declared, reading: Reading, walk: Walk | None) -> Callable[..., None]:
    """What is left to check of a plain value once it is written, and of the classes in it unless that was done."""
    kinds, classes = reading.kinds(), reading.classes()
    text_keys = reading.has_text_keys()
    always = bool(kinds & {"datetime", "time"})
    floats = "float" in kinds

    def check_losses(value: Any, body: bytes, *, classes_checked: bool = False) -> None:
        if walk and (always or (floats and _NULL(body)) or (not classes_checked and _subclassed(classes))):
            try:
                walk(value)
            except NotCarried as refusal:
                raise first_loss(reading, value) or refusal from None
        if (text_keys and 0xEF in body and _REPLACED in body) or (len(body) > _MOST_DIGITS and _long_number(body)):
            round_trip(value, read_json(body), declared.receive)

    return check_losses


def _subclassed(classes: list[type]) -> bool:
    """Whether an instance of a subclass can stand in a field of one of these, and lose its own fields."""
    return any(cls.__subclasses__() for cls in classes)


def _long_number(body: bytes) -> bool:
    """Whether there may be an int too long for the worker: every 512th byte of it is a digit."""
    return _RUN in body[::_EVERY].translate(_DIGITS)
