"""The text of a scalar outside JSON."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from gcptasks.values.losses import whole_minutes
from gcptasks.values.refusal import NotCarried, shown


def plain_text(value: object) -> str:
    """The text of what pydantic made of a value for JSON; NotCarried for what is no scalar."""
    write = _SIMPLE.get(type(value))
    if write is None:
        raise NotCarried(f"{shown(value)} has no text form outside a body")
    return write(value)


def _int_text(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise NotCarried("an int of more than 4300 digits cannot be read by the worker") from None


def _bool_text(value: bool) -> str:
    return "true" if value else "false"


def _float_text(value: float) -> str:
    if value != value:
        raise NotCarried("NaN is not equal to itself, so it cannot arrive as itself")
    return repr(value)


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise NotCarried("these bytes are not UTF-8") from None


def _moment_text(value: datetime | time) -> str:
    whole_minutes(value)
    return value.isoformat()


TEXTS: dict[str, tuple[type, Callable[[Any], str]]] = {
    "str": (str, str),
    "int": (int, _int_text),
    "float": (float, _float_text),
    "bool": (bool, _bool_text),
    "bytes": (bytes, _bytes_text),
    "uuid": (UUID, str),
    "date": (date, date.isoformat),
    "datetime": (datetime, _moment_text),
    "time": (time, _moment_text),
    "timedelta": (timedelta, to_jsonable_python),
    "decimal": (Decimal, str),
}
"""The class of a scalar and its text, by the type of its schema."""
_SIMPLE: dict[type, Callable[[Any], str]] = {
    cls: write for cls, write in TEXTS.values() if cls in (str, int, float, bool)
}
