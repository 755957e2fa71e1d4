"""A client's frames on their way to the `h2` library, which takes several times as long for each as all else does.

A call of gRPC's own clients comes as three frames in a row (headers, a window, the message that ends the request), and
each adds to the connection's window by a fourth. Of all that, `h2` has to know the headers, to decode them and to open
the stream. So it is told that they end the request, and the rest goes past it; and of many windows of the connection
it is told the sum. Whatever comes in another way goes to `h2` as it came.
"""

import struct
from typing import Final, NamedTuple

from h2.errors import ErrorCodes

from gcptasks.rpc.frame_watch import DATA, END_HEADERS, END_STREAM, HEADERS, WINDOW_UPDATE, FrameWatch

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_HEAD: Final = struct.Struct(">HBBBL")
"""Of a frame: the upper and lower part of its length, its kind, flags and stream."""
_LARGEST: Final = 16_384
"""Bytes of a frame; we never allow more than HTTP/2's default."""
_WINDOW: Final = 13
"""Bytes of a frame that opens a window."""
_STREAM: Final = 2**31 - 1
"""The bits of a stream's number; the one above them is reserved."""
LARGEST_WINDOW: Final = 2**31 - 1


def frame_head(length: int, kind: int, flags: int, stream: int) -> bytes:
    """The first nine bytes of a frame."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream)


class Unwelcome(Exception):
    """The connection has to end with the bytes that came."""

    def __init__(self, reason: ErrorCodes) -> None:
        self.reason = reason


class Rest(NamedTuple):
    """What a client sent of a request behind its headers."""

    body: bytes
    opened: int
    """By how many bytes it opened the stream's window."""


class Sieve:
    """Takes out what goes past `h2`."""

    def __init__(self, watch: FrameWatch, largest_body: int) -> None:
        self._watch = watch
        self._largest_body = largest_body
        self._head = b""
        """The first bytes of a frame whose head is not whole."""
        self._skip = len(PREFACE)
        """How many bytes from now the next frame begins."""
        self._newest = 0
        """The highest stream that has had headers."""
        self.rests: dict[int, Rest] = {}
        """By stream, the rest of each request of which `h2` has the headers alone; whoever needs one takes it out."""
        self._data = b""
        self._passed = bytearray()
        self._copied = 0
        """Up to here the bytes are passed on, or taken out."""
        self._window = self._window_at = 0
        """The window of the connection that others are added to, and where it stands in what is passed on."""

    def pass_on(self, data: bytes) -> bytes:
        """What `h2` is to have of these bytes; `Unwelcome` if the connection has to end."""
        self._data = data = self._head + data
        self._passed.clear()
        self._copied = self._window = 0
        at, end = self._skip, len(data)
        while at + 9 <= end:
            upper, lower, kind, flags, stream = _HEAD.unpack_from(data, at)
            length = upper << 8 | lower
            # An overlong frame h2 would refuse once it had all of it, which may be 16 MiB later.
            if length > _LARGEST:
                raise Unwelcome(ErrorCodes.FRAME_SIZE_ERROR)
            if not self._watch.may_come(kind, flags, length):
                raise Unwelcome(ErrorCodes.ENHANCE_YOUR_CALM)
            behind = at + 9 + length
            if kind == HEADERS:
                behind = self._headers(at, behind, flags, stream & _STREAM)
            elif kind == WINDOW_UPDATE and stream & _STREAM == 0 and length == 4 and behind <= end:
                self._connection_window(at, behind)
            at = behind
        self._head, self._skip = (data[at:], 0) if at < end else (b"", at - end)
        return bytes(self._passed) + data[self._copied : min(at, end)]

    def _headers(self, at: int, behind: int, flags: int, stream: int) -> int:
        """Where to go on behind them: behind their request, if it came whole."""
        if not flags & END_HEADERS:
            # Nothing may stand between these and the rest of them, which h2 has to see.
            self._window = 0
        elif flags == END_HEADERS and stream > self._newest and (end := self._take_rest(behind, stream)):
            self._passed += self._data[self._copied : behind]
            self._passed[at - behind + 4] |= END_STREAM
            self._copied = behind = end
        self._newest = max(self._newest, stream)
        return behind

    def _take_rest(self, at: int, stream: int) -> int | None:
        """Where the request ends whose headers end here; None if it comes in another way, or is not all there."""
        data, end = self._data, len(self._data)
        if at + 9 > end:
            return None
        upper, lower, kind, flags, of = _HEAD.unpack_from(data, at)
        opened = 0
        if kind == WINDOW_UPDATE and (upper, lower, of) == (0, 4, stream) and at + _WINDOW + 9 <= end:
            at += _WINDOW
            opened = int.from_bytes(data[at - 4 : at], "big")
            if not 0 < opened <= LARGEST_WINDOW:
                return None
            upper, lower, kind, flags, of = _HEAD.unpack_from(data, at)
        length: int = upper << 8 | lower
        behind = at + 9 + length
        if (kind, flags, of) != (DATA, END_STREAM, stream) or length > self._largest_body or behind > end:
            return None
        if opened and not self._watch.may_come(WINDOW_UPDATE, 0, 4):
            return None
        self.rests[stream] = Rest(data[at + 9 : behind], opened)
        return behind

    def _connection_window(self, at: int, behind: int) -> None:
        """Pass on the first, with the sum of those that follow."""
        more = int.from_bytes(self._data[behind - 4 : behind], "big")
        if more and 0 < self._window <= LARGEST_WINDOW - more:
            self._passed += self._data[self._copied : at]
            self._window += more
            self._passed[self._window_at : self._window_at + 4] = self._window.to_bytes(4, "big")
        else:
            self._passed += self._data[self._copied : behind]
            self._window, self._window_at = more, len(self._passed) - 4
        self._copied = behind
