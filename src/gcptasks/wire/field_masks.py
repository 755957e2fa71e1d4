"""Masks of updates: which paths there are, and what they do."""

from typing import Any, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


def is_path(text: str, kind: type[Message]) -> bool:
    """Whether the text is the path of a field of such a message."""
    descriptor: Any = kind.DESCRIPTOR
    # Protobuf itself reads a name up to a NUL, and finds the field of what stands before.
    return "\0" not in text and FieldMask(paths=[text]).IsValidForDescriptor(descriptor)


def take(path: str, sent: M, message: M) -> None:
    """Set the field of that path as it was sent; one that was left out is cleared.

    A message that is in neither is not made for a field in it; one that was sent is there afterwards, even if nothing
    is in it. So Google's answers have it, whatever protobuf's versions for Python do.
    """
    name, _, rest = path.partition(".")
    if not rest:
        message.ClearField(name)
        message.MergeFrom(_only(name, sent))
    elif sent.HasField(name) or message.HasField(name):
        inner: Message = getattr(message, name)
        inner.SetInParent()
        take(rest, getattr(sent, name), inner)


def _only(name: str, sent: M) -> M:
    """The message without its other fields."""
    only = type(sent)()
    only.CopyFrom(sent)
    for field, _ in sent.ListFields():
        if field.name != name:
            only.ClearField(field.name)
    return only
