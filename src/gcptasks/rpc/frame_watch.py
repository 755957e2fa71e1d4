"""What a client's frames cost us, seen before the `h2` library has them."""

from typing import Final

from gcptasks.rpc.limits import ListenerLimits

# Kinds of frames, and their flags (RFC 9113, section 6).
DATA: Final = 0x0
HEADERS: Final = 0x1
SETTINGS: Final = 0x4
WINDOW_UPDATE: Final = 0x8
CONTINUATION: Final = 0x9
END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4

_SMALL: Final = 256
"""Data frames below this count, unless they end a request."""
_A_CHANGE_OF_SETTINGS: Final = 16
"""How many other frames it counts as: `h2` applies it to every stream that is open."""
_EARNED: Final = 8
"""Frames that a client may send for each that carries a response: it opens windows, and measures the line by pings."""


class FrameWatch:
    """Counts one connection's frames by their heads."""

    def __init__(self, limits: ListenerLimits) -> None:
        self._limits = limits
        self._spare = limits.frames
        self._header_block = 0
        """Bytes of the header block that is not whole."""

    def may_come(self, kind: int, flags: int, length: int) -> bool:
        """Whether the client may send this frame after those before."""
        if kind == DATA:
            if length < _SMALL and not flags & END_STREAM:
                self._spare -= 1
        elif kind in (HEADERS, CONTINUATION):
            return self._headers_may_come(flags, length)
        else:
            self._spare -= _A_CHANGE_OF_SETTINGS if kind == SETTINGS and length else 1
        return self._spare >= 0

    def answered(self) -> None:
        """A frame of a response left."""
        self._spare = min(self._spare + _EARNED, self._limits.frames)

    def forgive(self) -> None:
        """Start counting anew."""
        self._spare = self._limits.frames

    def _headers_may_come(self, flags: int, length: int) -> bool:
        # h2 keeps a block until it is whole, and looks at its size then.
        self._header_block += length
        fits = self._header_block <= self._limits.headers
        if flags & END_HEADERS:
            self._header_block = 0
        return fits
