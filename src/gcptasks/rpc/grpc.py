"""What gRPC puts into HTTP/2, for unary calls: pure functions of headers and bytes.

After https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and compression.md beside it.
"""

import re
import zlib
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hpack import HeaderTuple

from gcptasks.rpc.header_lists import Fields, Headers
from gcptasks.wire.codes import Code, Status

_STATUS_200: Final = HeaderTuple(b":status", b"200")
_CONTENT_TYPE: Final = HeaderTuple(b"content-type", b"application/grpc")
_TEXT: Final = HeaderTuple(b"content-type", b"text/plain; charset=utf-8")
_ACCEPTS: Final = HeaderTuple(b"grpc-accept-encoding", b"identity,deflate,gzip")
OK_HEADERS: Final[Headers] = (_STATUS_200, _CONTENT_TYPE)
OK_TRAILERS: Final[Headers] = (HeaderTuple(b"grpc-status", b"0"),)

# Clients refuse trailers of more than 8 KiB by default, so a longer message is cut and larger details are left out.
_MAX_MESSAGE = 3000
_MAX_DETAILS = 4000

_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])")
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_CONTENT_TYPES = re.compile(rb"application/grpc(\+proto)?(;.*)?")
# The two encodings as zlib's window bits.
_ENCODINGS = {b"gzip": 31, b"deflate": 15}
_MOST = 1032
"""Bytes that one of deflate can become."""
_LONGEST_PATH = 1024


class Refused(Exception):
    """A request that does not become a call, with what is answered instead."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.status = Status(code, message)


class NotGrpc(Refused):
    """A request of a client that does not speak gRPC, which is answered in HTTP's own terms."""

    def __init__(self, code: Code, message: str, http: bytes, *, is_head: bool = False) -> None:
        super().__init__(code, message)
        self._http = http
        self._is_head = is_head

    @property
    def headers(self) -> Headers:
        """Before its text."""
        return (HeaderTuple(b":status", self._http), _TEXT)

    @property
    def text(self) -> bytes:
        """For the people who sent it; HEAD has none."""
        return b"" if self._is_head else self.status.message.encode() + b"\n"

    @property
    def trailers(self) -> Headers:
        """Behind its text, for what may be gRPC all the same."""
        return _status_fields(self.status)


@dataclass(frozen=True, slots=True)
class Opening:
    """The headers of a request, read."""

    method: str
    """`/package.Service/Method`."""
    encoding: bytes
    timeout: float | None
    """Seconds."""


@lru_cache(maxsize=128)
def opening(headers: Fields) -> Opening:
    """The request of these headers; `Refused` if it cannot be a call, `NotGrpc` if it is none of gRPC."""
    given = dict(headers)
    if (method := given.get(b":method")) != b"POST":
        message = "gRPC is POST only; REST is served here over HTTP/1.1"
        raise NotGrpc(Code.UNIMPLEMENTED, message, b"405", is_head=method == b"HEAD")
    if not _CONTENT_TYPES.fullmatch(given.get(b"content-type", b"")):
        raise NotGrpc(Code.INVALID_ARGUMENT, "over HTTP/2 the content-type must be application/grpc", b"415")
    if len(given[b":path"]) > _LONGEST_PATH:
        raise Refused(Code.UNIMPLEMENTED, "the path names no method")
    timeout = given.get(b"grpc-timeout")
    return Opening(
        given[b":path"].decode("latin-1"),
        given.get(b"grpc-encoding", b"identity"),
        None if timeout is None else seconds(timeout),
    )


def seconds(timeout: bytes) -> float:
    """A `grpc-timeout` such as `100m` as seconds; `Refused` if malformed."""
    if not (match := _TIMEOUT.fullmatch(timeout)):
        raise Refused(Code.INTERNAL, "grpc-timeout must be up to eight digits and one of H M S m u n")
    return int(match[1]) * _UNITS[match[2]]


def framed(message: bytes) -> bytes:
    """The message behind its length prefix, not compressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def plain(body: bytes, limit: int) -> bytes | None:
    """The message of this body, if it is one of that size at most, not compressed, and nothing else."""
    size = len(body) - 5
    if 0 <= size <= limit and body[0] == 0 and int.from_bytes(body[1:5], "big") == size:
        return body[5:]
    return None


class Incoming:
    """One message as it arrives: fed piece by piece, then read."""

    __slots__ = ("_data", "_limit", "size")

    def __init__(self, limit: int) -> None:
        self._data = bytearray()
        self._limit = limit
        self.size: int | None = None
        """Bytes on the wire, prefix included; None until the prefix is there."""

    @property
    def arrived(self) -> int:
        """Bytes that are here."""
        return len(self._data)

    def unpacked(self) -> int:
        """How many bytes it may have more than arrived, once it is unpacked."""
        arrived = len(self._data)
        return min(self._limit, _MOST * arrived) - arrived if arrived and self._data[0] else 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes; `Refused` as soon as they are more than the one message may be."""
        self._data += data
        if self.size is None and len(self._data) >= 5:
            self.size = 5 + self._announced()
        if self.size is not None and len(self._data) > self.size:
            raise Refused(Code.UNIMPLEMENTED, "a call takes exactly one message, and more arrived")

    def read(self, encoding: bytes) -> bytes:
        """The whole message, unpacked; `Refused` if it is not whole or cannot be unpacked."""
        if len(self._data) != self.size:
            raise Refused(Code.INTERNAL, "the request ended before its message was whole")
        if self._data[0] == 0:
            return bytes(memoryview(self._data)[5:])
        return _unpacked(memoryview(self._data)[5:], encoding, self._limit)

    def _announced(self) -> int:
        if self._data[0] > 1:
            raise Refused(Code.INTERNAL, "the first byte of a message must be 0 or 1 (compressed)")
        size = int.from_bytes(self._data[1:5], "big")
        if size > self._limit:
            raise Refused(Code.RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {self._limit})")
        return size


def _unpacked(data: memoryview, encoding: bytes, limit: int) -> bytes:
    if encoding == b"identity":
        raise Refused(Code.INTERNAL, "the message is marked as compressed, but grpc-encoding is not given")
    if encoding not in _ENCODINGS:
        raise Refused(Code.UNIMPLEMENTED, "grpc-encoding must be identity, gzip or deflate")
    unpacker = zlib.decompressobj(_ENCODINGS[encoding])
    try:
        # One byte more than allowed, so that a small request never fills the memory before it is refused.
        message = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise Refused(Code.INTERNAL, f"the message cannot be decompressed: {error}") from error
    if len(message) > limit:
        raise Refused(Code.RESOURCE_EXHAUSTED, f"Received message larger than max ({limit}) once decompressed")
    if not unpacker.eof or unpacker.unused_data:
        raise Refused(Code.INTERNAL, "the message cannot be decompressed: it is cut short, or more follows")
    return message


def refusal(status: Status) -> Headers:
    """The response without a message: headers that are trailers at once."""
    headers = [_STATUS_200, _CONTENT_TYPE, *_status_fields(status)]
    if status.code == Code.UNIMPLEMENTED:
        headers.append(_ACCEPTS)
    if status.details_bin is not None and len(status.details_bin) <= _MAX_DETAILS:
        # Padding may be left out, and gRPC's own clients leave it out.
        details = b64encode(status.details_bin).rstrip(b"=")
        headers.append(HeaderTuple(b"grpc-status-details-bin", details))
    return tuple(headers)


def _status_fields(status: Status) -> Headers:
    return (
        HeaderTuple(b"grpc-status", b"%d" % status.code),
        HeaderTuple(b"grpc-message", quoted(status.message)),
    )


def quoted(message: str) -> bytes:
    """A `grpc-message`: UTF-8, and what is not printable ASCII, or a percent sign, as %XX."""
    raw = message.encode("utf-8", "replace")
    if len(raw) > _MAX_MESSAGE:
        raw = raw[:_MAX_MESSAGE].decode("utf-8", "ignore").encode() + "…".encode()
    return _SPECIAL.sub(lambda match: b"%%%02X" % match[0][0], raw)


_SPECIAL = re.compile(rb"[^ -$&-~]", re.DOTALL)
