"""What is wrong with a JSON that is no request, in the words of Google's APIs (CT-326).

`google.protobuf.json_format` decides whether something is wrong, but stops at the first, and lets pass what Google does
not: an empty list or text for a message, and what is not base64. What the contract has no example of is worded as users
of Google's APIs report it.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gcptasks.web.json_fields import field_named, is_list, is_object, object_kind

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_LONGEST = 1000
"""Characters of a text of theirs that a message repeats."""
_TIMES = {
    "google.protobuf.Timestamp": (
        "timestamp",
        "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset.",
    ),
    "google.protobuf.Duration": ("duration", "Illegal duration format; duration must end with 's'"),
}
_TYPES = {number: name for name, number in vars(FieldDescriptor).items() if name.startswith("TYPE_")}

Fits = Callable[[FieldDescriptor, object], bool]
"""Whether a field may have that text, number or truth."""


class Violation(NamedTuple):
    """One thing that is wrong."""

    field: str
    """Where; empty: in the request itself."""
    text: str


def unknown_name(name: str, place: str, why: str) -> Violation:
    """A name that is not accepted where it stands."""
    at = f" at '{place}'" if place else ""
    return Violation(place, f'Invalid JSON payload received. Unknown name "{echo(name)}"{at}: {why}')


def violations(value: object, kind: Descriptor, place: str, fits: Fits) -> Iterator[Violation]:
    """All that keeps the value from being a message of that kind; `place` is where in the request it is."""
    if not is_object(value):
        yield unknown_name("", place, "Root element must be a message.")
        return
    oneofs: set[str] = set()
    for name, member in value.items():
        field = field_named(kind, name)
        if field is None:
            yield unknown_name(name, place, "Cannot find field.")
        elif member is not None:
            if oneof := field.containing_oneof:
                if oneof.name in oneofs:
                    yield _invalid(place, "oneof", f"oneof field '{oneof.name}' is already set. Cannot set '{name}'")
                oneofs.add(oneof.name)
            yield from _of_field(field, name, member, place, fits)


def fits_json(field: FieldDescriptor, value: object) -> bool:
    """Whether JSON has it so."""
    assert field.containing_type
    given = [value] if field.is_repeated else value
    try:
        json_format.Parse(json.dumps({field.json_name: given}), GetMessageClass(field.containing_type)())
    except json_format.ParseError:
        return False
    return fits_once_parsed(field, value)


def fits_once_parsed(field: FieldDescriptor, value: object) -> bool:
    """Whether Google takes it too, of values that `json_format` takes."""
    if field.type != FieldDescriptor.TYPE_BYTES or not isinstance(value, str):
        return True
    return bool(_BASE64.fullmatch(value)) and len(value.rstrip("=")) % 4 != 1


def echo(text: str) -> str:
    """A text of theirs as it can stand in a message."""
    return text[:_LONGEST].encode(errors="replace").decode()


def _of_field(field: FieldDescriptor, name: str, value: object, parent: str, fits: Fits) -> Iterator[Violation]:
    place = f"{parent}.{field.name}" if parent else field.name
    if entry := _map_entry(field):
        yield from _of_map(entry, name, value, place, fits)
    elif field.is_repeated and is_list(value):
        for index, item in enumerate(value):
            yield from _of_value(field, name, item, f"{place}[{index}]", parent, fits)
    else:
        yield from _of_value(field, name, value, place, parent, fits)


def _of_map(entry: Descriptor, name: str, value: object, place: str, fits: Fits) -> Iterator[Violation]:
    if not is_object(value):
        yield _invalid(place, "Map", f"Cannot bind a list to map for field '{name}'.")
        return
    field = entry.fields_by_name["value"]
    for index, member in enumerate(value.values()):
        yield from _of_value(field, "value", member, f"{place}[{index}].value", place, fits)


def _of_value(
    field: FieldDescriptor, name: str, value: object, place: str, parent: str, fits: Fits
) -> Iterator[Violation]:
    if is_list(value):
        yield unknown_name(name, parent, "Proto field is not repeating, cannot start list.")
    elif kind := object_kind(field):
        if is_object(value):
            yield from violations(value, kind, place, fits)
        else:
            yield _invalid(place, _type(field), _shown(value))
    elif is_object(value):
        yield _invalid(parent, field.name, "Starting an object on a scalar field")
    elif not fits(field, value):
        yield _invalid(place, _type(field), _why(field, value))


def _why(field: FieldDescriptor, value: object) -> str:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return f"Base64 decoding failed for {_shown(value)}"
    if field.message_type and (words := _TIMES.get(field.message_type.full_name)):
        kind, illegal = words
        problem = illegal if isinstance(value, str) else f"Invalid data type for {kind}, value is {_shown(value)}"
        return f"Field '{field.json_name}', {problem}"
    return _shown(value)


def _shown(value: object) -> str:
    return echo(json.dumps(value, ensure_ascii=False))


def _type(field: FieldDescriptor) -> str:
    named = field.message_type or field.enum_type
    return f"type.googleapis.com/{named.full_name}" if named else _TYPES[field.type]


def _invalid(place: str, kind: str, what: str) -> Violation:
    at = f" at '{place}'" if place else ""
    return Violation(place, f"Invalid value{at} ({kind}), {what}")


def _map_entry(field: FieldDescriptor) -> Descriptor | None:
    kind = field.message_type
    return kind if kind and kind.GetOptions().map_entry else None
