"""How much one client may ask of the listener."""

from dataclasses import dataclass
from datetime import timedelta

from gcptasks.base.budget import Budget

_PARTS = 13
"""Of the memory that others leave, one for what is large of a connection; with what 256 calls take as they begin it
comes to an eighth of the default."""
_ALWAYS = 64 * 1024
"""Bytes that a connection may have whatever others do, so that small calls are served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerLimits:
    """What a connection may hold, and how long it may keep us waiting."""

    message: int = 4 * 1024 * 1024
    """Bytes of one request, as sent and as unpacked; gRPC's own default."""
    headers: int = 16 * 1024
    """Bytes of one header list, counted as HTTP/2 does (RFC 9113, 6.5.2); gRPC's hard default."""
    streams: int = 256
    """Calls at a time on one connection, those included whose client no longer waits."""
    connections: int = 1000
    """Open connections, HTTP/1.1 included; one more is closed at once."""
    memory: int = 64 * 1024 * 1024
    """Bytes of requests, as they arrive and unpacked, and of responses that wait to be read, of all connections; each
    may hold an eighth. Beyond that large requests wait, and so do calls on a connection that does not read."""
    memory_within: timedelta = timedelta(seconds=10)
    """How long a call waits for memory before it is answered with RESOURCE_EXHAUSTED."""
    resets: int = 1000
    """How many more calls a client may reset than it lets us answer before its connection ends."""
    frames: int = 1000
    """How many frames that ask for nothing (windows, pings, settings, priorities, resets, data in crumbs) a client may
    send in `silence`, beyond what it takes to read its responses, before its connection ends."""
    opening: timedelta = timedelta(seconds=10)
    """For the first bytes of a connection, up to where they tell HTTP/2 from HTTP/1.1."""
    request: timedelta = timedelta(seconds=60)
    """From the headers of a request to its last byte."""
    silence: timedelta = timedelta(seconds=60)
    """After this long without a byte an HTTP/2 client is pinged, and after as long again its connection ends."""

    def budget(self) -> Budget:
        """The memory of all connections."""
        return Budget(self.memory, parts=_PARTS, always=_ALWAYS)
