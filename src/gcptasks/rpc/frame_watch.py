"""What a client's frames cost us, seen before the `h2` library has them."""

from typing import Final

from h2.errors import ErrorCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    SettingsFrame,
)

from gcptasks.rpc.limits import ListenerLimits

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_LARGEST: Final = 16_384
"""Bytes of a frame; we never allow more than HTTP/2's default."""
_END_STREAM: Final = 0x1
_END_HEADERS: Final = 0x4
_SMALL: Final = 256
"""Data frames below this count, unless they end a request."""
_A_CHANGE_OF_SETTINGS: Final = 16
"""How many other frames it counts as: `h2` applies it to every stream that is open."""
_EARNED: Final = 8
"""Frames that a client may send for each that carries a response: it opens windows, and measures the line by pings."""


class FrameWatch:
    """One connection's frames, of which it reads the heads alone."""

    def __init__(self, limits: ListenerLimits) -> None:
        self._limits = limits
        self._head = b""
        """The first bytes of a frame whose head is not whole."""
        self._skip = len(PREFACE)
        """How many bytes from now the next frame begins."""
        self._spare = limits.frames
        self._header_block = 0
        """Bytes of the header block that is not whole."""

    def look(self, data: bytes) -> ErrorCodes | None:
        """Why the connection has to end with these bytes, if it has to."""
        # An overlong frame h2 would refuse once it had all of it, which may be 16 MiB later.
        data = self._head + data
        at, end = self._skip, len(data)
        while at + 9 <= end:
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            if length > _LARGEST:
                return ErrorCodes.FRAME_SIZE_ERROR
            if not self._may_come(data[at + 3], data[at + 4], length):
                return ErrorCodes.ENHANCE_YOUR_CALM
            at += 9 + length
        self._head, self._skip = (data[at:], 0) if at < end else (b"", at - end)
        return None

    def answered(self) -> None:
        """A frame of a response left."""
        self._spare = min(self._spare + _EARNED, self._limits.frames)

    def forgive(self) -> None:
        """Start counting anew."""
        self._spare = self._limits.frames

    def _may_come(self, kind: int, flags: int, length: int) -> bool:
        if kind == DataFrame.type:
            if length < _SMALL and not flags & _END_STREAM:
                self._spare -= 1
        elif kind in (HeadersFrame.type, ContinuationFrame.type):
            return self._headers_may_come(flags, length)
        else:
            self._spare -= _A_CHANGE_OF_SETTINGS if kind == SettingsFrame.type and length else 1
        return self._spare >= 0

    def _headers_may_come(self, flags: int, length: int) -> bool:
        # h2 keeps a block until it is whole, and looks at its size then.
        self._header_block += length
        fits = self._header_block <= self._limits.headers
        if flags & _END_HEADERS:
            self._header_block = 0
        return fits
