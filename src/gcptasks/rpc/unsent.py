"""Responses that wait for the client's windows."""

from collections import OrderedDict
from collections.abc import Callable, Container
from typing import Final

from h2.connection import H2Connection

from gcptasks.base.budget import Share
from gcptasks.rpc.header_lists import Headers

_AT_A_TIME: Final = 64 * 1024
"""Bytes of bodies that leave before the socket has had its turn, which may not take more."""


class Unsent:
    """The bodies of one connection that are not sent, and their trailers.

    A body waits for the window of its stream, or in a queue for that of the connection and for the socket, which let
    one frame of each through in turn. So a window that opens costs what is sent, however much else waits.
    """

    def __init__(self, h2: H2Connection, share: Share, sent: Callable[[], None]) -> None:
        """`sent` is called for each frame of a body. The bodies count against `share`."""
        self.bytes = 0
        self._h2 = h2
        self._share = share
        self._sent = sent
        self._room = _AT_A_TIME
        self._bodies: dict[int, tuple[memoryview, Headers]] = {}
        self._queue: OrderedDict[int, None] = OrderedDict()
        """Streams that wait for the connection's window, the next one first."""

    def __len__(self) -> int:
        return len(self._bodies)

    def __contains__(self, stream: int) -> bool:
        return stream in self._bodies

    def send(self, stream: int, body: bytes, trailers: Headers) -> None:
        """Send the rest of a response, as far as the windows go, and keep what they do not admit."""
        self._bodies[stream] = (memoryview(body), trailers)
        self._count(len(body))
        self.stream_opened(stream)

    def may_pass(self, stream: int, size: int) -> bool:
        """Whether a body of that size can leave at once, in one frame."""
        h2 = self._h2
        return 0 < size <= min(h2.local_flow_control_window(stream), self._room, h2.max_outbound_frame_size)

    def passed(self, size: int) -> None:
        """It left."""
        self._sent()
        self._room -= size

    def stream_opened(self, stream: int) -> None:
        """The window of this stream may be larger now."""
        if stream in self._bodies and stream not in self._queue:
            while self._send_frame(stream):
                pass

    def connection_opened(self, dead: Container[int]) -> None:
        """The window of the connection is larger now. Of streams that are `dead`, `forget` is told soon."""
        while self._queue and self._window() > 0:
            stream, _ = self._queue.popitem(last=False)
            if stream not in dead and self._send_frame(stream):
                self._queue[stream] = None

    def all_opened(self, dead: Container[int]) -> None:
        """The windows of all streams may be larger now."""
        self._queue.update(dict.fromkeys(self._bodies))
        self.connection_opened(dead)

    def socket_opened(self) -> bool:
        """The socket takes more; True if there was more to send."""
        self._room = _AT_A_TIME
        self.connection_opened(())
        return self._room < _AT_A_TIME

    def forget(self, stream: int) -> None:
        """Nobody waits for this response."""
        if stream in self._bodies:
            self._count(-len(self._bodies.pop(stream)[0]))
            self._queue.pop(stream, None)

    def forget_all(self) -> None:
        """Nobody is there any more."""
        for stream in tuple(self._bodies):
            self.forget(stream)

    def _window(self) -> int:
        """How many bytes may leave on any stream."""
        return min(self._h2.outbound_flow_control_window, self._room)

    def _count(self, size: int) -> None:
        self.bytes += size
        self._share.grant(size)

    def _send_frame(self, stream: int) -> bool:
        """Send the next frame of a body; True if another may follow at once."""
        body, trailers = self._bodies[stream]
        h2 = self._h2
        size = min(len(body), h2.local_flow_control_window(stream), self._room, h2.max_outbound_frame_size)
        if size > 0:
            h2.send_data(stream, body[:size])
            self.passed(size)
            self._count(-size)
            body = body[size:]
        if not body:
            del self._bodies[stream]
            h2.send_headers(stream, trailers, end_stream=True)
            return False
        self._bodies[stream] = (body, trailers)
        if self._window() <= 0:
            self._queue[stream] = None
            return False
        return size > 0
