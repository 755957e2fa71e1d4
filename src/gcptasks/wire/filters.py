"""What the filters of lists mean: which messages of a kind one finds (CT-260 to CT-269)."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from gcptasks.base.errors import InvalidArgument
from gcptasks.wire import filter_syntax, times
from gcptasks.wire.common import Timestamp
from gcptasks.wire.filter_syntax import Comparison, Filter, Not, parse_filter

Matches = Callable[[Message], bool]
"""Whether a message is found."""

_DURATION = "google.protobuf.Duration"
_TIMESTAMP = "google.protobuf.Timestamp"
_VALUES = {_DURATION, _TIMESTAMP}
"""Messages that are compared as a whole."""

_SPAN = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,9})?)s", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?", re.IGNORECASE)
_SECOND_NS = 1_000_000_000
_EARLIEST = -(2**100)

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "!=": operator.ne,
    "=": operator.eq,
    ":": operator.eq,
}


def matching(text: str, kind: type[Message]) -> Matches:
    """Finds messages of that kind by the filter; `InvalidArgument` if it is none, or does not fit them (CT-271)."""
    descriptor: Any = kind.DESCRIPTOR
    return _matching(parse_filter(text), descriptor)


def _matching(filter_: Filter, kind: Descriptor) -> Matches:
    match filter_:
        case Comparison():
            return _comparing(filter_, kind)
        case Not(term=term):
            inner = _matching(term, kind)
            return lambda message: not inner(message)
        case filter_syntax.All(terms=terms):
            every = [_matching(term, kind) for term in terms]
            return lambda message: all(matches(message) for matches in every)
        case filter_syntax.Any(terms=terms):
            some = [_matching(term, kind) for term in terms]
            return lambda message: any(matches(message) for matches in some)


def _comparing(asked: Comparison, kind: Descriptor) -> Matches:
    path = _fields(asked.path, kind)
    if asked.operator == ":" and asked.value == "*" and not asked.quoted:
        return lambda message: _is_there(message, path)
    of, compare, to = _compared(path[-1], asked)
    if any(field.is_repeated for field in path):
        return lambda message: any(compare(of(value), to) for value in _values(message, path))
    # A fraction of the time, and nearly all filters are such.
    value_of = operator.attrgetter(".".join(field.name for field in path))
    return lambda message: compare(of(value_of(message)), to)


def _fields(path: str, kind: Descriptor) -> list[FieldDescriptor]:
    """The fields that lead to what the path names, each by its name in protobuf or in JSON, in any letter case."""
    found: list[FieldDescriptor] = []
    inside: Descriptor | None = kind
    for name in path.lower().split("."):
        field = next((one for one in inside.fields if name in _names(one)), None) if inside else None
        if field is None:
            raise InvalidArgument(f"Field not found: '{path}'.")
        found.append(field)
        inside = None if _is_value(field) else field.message_type
    return found


def _names(field: FieldDescriptor) -> tuple[str, str]:
    return field.name.lower(), field.json_name.lower()


def _is_value(field: FieldDescriptor) -> bool:
    """Whether its values can be compared."""
    return field.message_type is None or field.message_type.full_name in _VALUES


class _Compared(NamedTuple):
    """How a field is compared with a value: as what, how, and with what."""

    of: Callable[[Any], Any]
    compare: Callable[[Any, Any], bool]
    to: Any


def _compared(field: FieldDescriptor, asked: Comparison) -> _Compared:
    """How the field is compared; `InvalidArgument` if it cannot be, or not with such a value."""
    compare = _COMPARE[asked.operator]
    if not _is_value(field):
        raise InvalidArgument(
            f"Cannot match a nested type '{asked.path}'. A member field of scalar or enum type must be provided."
        )
    if field.message_type is not None:
        of, read = (times.ns_of, _span) if field.message_type.full_name == _DURATION else (_shown_time, _time)
        return _Compared(of, compare, read(asked.value))
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        within = _within if asked.operator == ":" else compare
        return _Compared(str.lower, within, asked.value.lower())
    if (enum := field.enum_type) is not None:
        return _Compared(int, compare, _number_of(enum, asked.value))
    if not _NUMBER.fullmatch(asked.value):
        raise _of_wrong_type(asked.value)
    return _Compared(float, compare, float(asked.value))


def _within(text: str, part: str) -> bool:
    return part in text


def _number_of(enum: EnumDescriptor, name: str) -> int:
    for value in enum.values:
        if value.name == name.upper():
            return value.number
    raise _of_wrong_type(name)


def _span(text: str) -> int:
    """The nanoseconds of a span such as `0.5s`."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise _of_wrong_type(text)
    return int(Decimal(found[1]) * _SECOND_NS)


def _time(text: str) -> int:
    """The nanoseconds of a time such as `2026-01-01T00:00:00Z`."""
    time = Timestamp()
    try:
        time.FromJsonString(text)
    except ValueError:
        raise _of_wrong_type(text) from None
    return _ns(time)


def _shown_time(time: Timestamp) -> int:
    """The nanoseconds of a message's time; one that is not set is the earliest (CT-265)."""
    return _ns(time) if time.ListFields() else _EARLIEST


def _ns(time: Timestamp) -> int:
    return time.seconds * _SECOND_NS + time.nanos


def _of_wrong_type(value: str) -> InvalidArgument:
    return InvalidArgument(f"The value '{value.lower()}' is of incorrect type.")


def _values(message: Any, path: Sequence[FieldDescriptor]) -> Iterator[Any]:
    """What the path leads to: one value, its default if nothing is there, or one for each of a repeated field."""
    for index, field in enumerate(path):
        value = getattr(message, field.name)
        if field.is_repeated:
            for one in value:
                yield from _values(one, path[index + 1 :])
            return
        message = value
    yield message


def _is_there(message: Any, path: Sequence[FieldDescriptor]) -> bool:
    """Whether what the path leads to is set (CT-266)."""
    for index, field in enumerate(path):
        value = getattr(message, field.name)
        if field.is_repeated:
            rest = path[index + 1 :]
            return any(_is_there(one, rest) for one in value)
        if not (message.HasField(field.name) if field.has_presence else value):
            return False
        message = value
    return True
