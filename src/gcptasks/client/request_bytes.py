"""Google's requests as bytes: what stands before each part that a call adds to the fixed part of its request.

Protobuf merges a message that occurs again into the first. So the parts are appended, each in a field `task` of its
own, and one call in C parses the whole, where building Google's wrappers field by field costs twenty times that.
"""

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from gcptasks.base import wall_clock
from gcptasks.base.epoch import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gcptasks.engine.header_rules import Headers

# The tags of length-delimited fields.
_TASK = b"\x12"  # CreateTaskRequest.task
_NAME, _HTTP_REQUEST, _SCHEDULE_TIME = b"\x0a", b"\x1a", b"\x22"  # of Task
_URL, _HEADERS, _BODY = b"\x0a", b"\x1a", b"\x22"  # of HttpRequest
_KEY, _VALUE = b"\x0a", b"\x12"  # of a map's entry
_REQUESTS = b"\x12"  # BatchCreateTasksRequest.requests

_SECOND = 1_000_000_000


@lru_cache(maxsize=4096)
def url_head(size: int) -> bytes:
    """What stands before a URL of so many bytes."""
    return _nested(_head(_URL, size), size, _HTTP_REQUEST, _TASK)


@lru_cache(maxsize=4096)
def body_head(size: int) -> bytes:
    """What stands before a body of so many bytes."""
    return _nested(_head(_BODY, size), size, _HTTP_REQUEST, _TASK)


def with_headers(message: bytes, headers: "Headers") -> bytes:
    """The request with these headers as well."""
    for name, value in headers:
        encoded = value.encode()
        message += _header_head(name, len(encoded)) + encoded
    return message


def named(message: bytes, task_name: str) -> bytes:
    """The request with the task's name."""
    encoded = task_name.encode()
    return message + _name_head(len(encoded)) + encoded


def due_in(nanoseconds: int) -> bytes:
    """The part that says when the task is due, so long from now."""
    seconds, nanos = divmod(wall_clock.now_ns() + nanoseconds, _SECOND)
    return _due(seconds, nanos)


def due_at(message: bytes, at: datetime) -> bytes:
    """The request with the time, an aware one, when the task is due."""
    since = at - EPOCH
    return message + _due(since.days * 86400 + since.seconds, since.microseconds * 1000)


def batch(messages: "Iterable[bytes]") -> bytes:
    """The requests as those of a BatchCreateTasksRequest."""
    return b"".join([part for message in messages for part in (_request_head(len(message)), message)])


def _due(seconds: int, nanos: int) -> bytes:
    from google.protobuf.timestamp_pb2 import Timestamp

    at = Timestamp(seconds=seconds, nanos=nanos).SerializeToString()
    return _nested(_head(_SCHEDULE_TIME, len(at)), len(at), _TASK) + at


@lru_cache(maxsize=4096)
def _header_head(name: str, size: int) -> bytes:
    key = name.encode()
    entry = _head(_KEY, len(key)) + key + _head(_VALUE, size)
    return _nested(entry, size, _HEADERS, _HTTP_REQUEST, _TASK)


@lru_cache(maxsize=4096)
def _name_head(size: int) -> bytes:
    return _nested(_head(_NAME, size), size, _TASK)


@lru_cache(maxsize=4096)
def _request_head(size: int) -> bytes:
    return _head(_REQUESTS, size)


def _nested(head: bytes, size: int, *outer: bytes) -> bytes:
    """The head of a field of so many bytes, with what stands before it in the messages around, the nearest first."""
    for tag in outer:
        head = _head(tag, len(head) + size) + head
    return head


def _head(tag: bytes, size: int) -> bytes:
    return tag + _varint(size)


def _varint(number: int) -> bytes:
    """Protobuf's variable-length integer: seven bits a byte, the lowest first, the high bit on all but the last."""
    low, rest = number & 0x7F, number >> 7
    return bytes((low | 0x80,)) + _varint(rest) if rest else bytes((low,))
