"""Values of JSON, and the fields of a message by the names that JSON has for them."""

from functools import cache
from typing import Any, TypeGuard, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_AS_TEXT = {"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"}


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is an object of JSON."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a list of JSON."""
    return isinstance(value, list)


def kind_of(message: Message | type[Message]) -> Descriptor:
    """What kind of message it is, or its class is of."""
    return cast("Descriptor", message.DESCRIPTOR)  # the stubs cannot tell which implementation of it is there


def field_named(kind: Descriptor, name: str) -> FieldDescriptor | None:
    """The field that JSON calls `scheduleTime` or, as protobuf does, `schedule_time`; None if there is none."""
    return _fields(kind).get(name)


@cache
def _fields(kind: Descriptor) -> dict[str, FieldDescriptor]:
    return {field.name: field for field in kind.fields} | {field.json_name: field for field in kind.fields}


def object_kind(field: FieldDescriptor) -> Descriptor | None:
    """The kind of message that its values are, if they are objects in JSON; None if they are texts or numbers."""
    kind = field.message_type
    return None if kind is None or kind.full_name in _AS_TEXT else kind
