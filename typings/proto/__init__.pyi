"""The part of proto-plus that Google's generated messages and we use. The package itself carries no types."""

import enum
from collections.abc import Mapping
from typing import Any, Self

class Message:
    def __init__(self, mapping: Any = None, *, ignore_unknown_fields: bool = False, **kwargs: Any) -> None: ...
    def __bool__(self) -> bool: ...
    def __contains__(self, key: str) -> bool: ...
    # The raw protobuf class is made at run time, so nothing more can be said of it than Any.
    @classmethod
    def pb(cls, obj: Any = None, *, coerce: bool = False) -> Any: ...
    @classmethod
    def wrap(cls, pb: Any) -> Self: ...
    @classmethod
    def serialize(cls, instance: Any) -> bytes: ...
    @classmethod
    def deserialize(cls, payload: bytes) -> Self: ...
    @classmethod
    def to_json(cls, instance: Any, **options: Any) -> str: ...
    @classmethod
    def from_json(cls, payload: str | bytes, *, ignore_unknown_fields: bool = False) -> Self: ...
    @classmethod
    def to_dict(cls, instance: Any, **options: Any) -> dict[str, Any]: ...
    @classmethod
    def copy_from(cls, instance: Any, other: Self | Mapping[str, Any]) -> None: ...

Enum = enum.IntEnum

def Field(proto_type: Any, *, number: int, **options: Any) -> Any: ...
def RepeatedField(proto_type: Any, *, number: int, **options: Any) -> Any: ...
def MapField(key_type: Any, value_type: Any, *, number: int, **options: Any) -> Any: ...
def module(*, package: str, manifest: set[str], marshal: str | None = None) -> Any: ...

DOUBLE: int
FLOAT: int
INT64: int
UINT64: int
INT32: int
FIXED64: int
FIXED32: int
BOOL: int
STRING: int
MESSAGE: int
BYTES: int
UINT32: int
ENUM: int
SFIXED32: int
SFIXED64: int
SINT32: int
SINT64: int
