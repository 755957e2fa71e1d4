"""HTTP/2 frames, on the `h2` library.

This is the seam: `http2.py` knows `Framing` and `Sink` alone, so framing of our own can take the place of `h2`.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import Frame, GoAwayFrame, WindowUpdateFrame

from gcptasks.base.budget import Share
from gcptasks.rpc.frame_watch import DATA, END_HEADERS, HEADERS, FrameWatch
from gcptasks.rpc.header_lists import (
    Fields,
    Headers,
    RememberingDecoder,
    RememberingEncoder,
    announced_length,
    are_trailers,
    is_request,
)
from gcptasks.rpc.limits import ListenerLimits
from gcptasks.rpc.sieve import LARGEST_WINDOW, Rest, Sieve, Unwelcome, frame_head
from gcptasks.rpc.unsent import Unsent

FIRST_WINDOW: Final = 8192
"""Bytes of a request that a client may send before we grant more."""
_DEFAULT_WINDOW: Final = 65_535
"""That of HTTP/2, for streams until the client knows ours, and for connections at first."""
_UNCOUNTED: Final = 64
"""How many streams may be opened between two counts of them at least."""


class Sink(Protocol):
    """Is told what a client sent."""

    def begun(self, stream: int, headers: Fields) -> None:
        """A request opened with these headers."""
        ...

    def received(self, stream: int, data: bytes) -> None:
        """The next bytes of its body."""
        ...

    def ended(self, stream: int) -> None:
        """Its body is complete."""
        ...

    def came(self, stream: int, headers: Fields, body: bytes) -> None:
        """A request opened, and is complete already: the three above in one."""
        ...

    def gone(self, stream: int) -> None:
        """It was reset: nobody waits for the response."""
        ...


class Framing:
    """One connection's frames: bytes in, calls of `sink`; responses in, bytes out."""

    def __init__(self, sink: Sink, limits: ListenerLimits, share: Share) -> None:
        self._sink = sink
        self._watch = FrameWatch(limits)
        self._sieve = Sieve(self._watch, FIRST_WINDOW)
        self._window = max(limits.memory // 8, _DEFAULT_WINDOW)
        self._used = 0
        self._used_past_h2 = 0
        """The two: bytes of the connection's window that were not given back yet."""
        self._ours = bytearray()
        self._over = False
        self._dead: set[int] = set()
        self._told: dict[type[Event], Callable[[Any], None]] = {
            RequestReceived: self._request_received,
            DataReceived: self._data_received,
            TrailersReceived: self._trailers_received,
            StreamEnded: self._stream_ended,
            StreamReset: self._stream_reset,
            WindowUpdated: self._window_updated,
            RemoteSettingsChanged: self._settings_changed,
        }
        self._h2 = _Connection(
            limits.streams,
            H2Configuration(
                client_side=False,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            ),
        )
        self._h2.encoder = RememberingEncoder()
        self._h2.decoder = RememberingDecoder(limits.headers)
        self._settings = {
            SettingCodes.MAX_CONCURRENT_STREAMS: limits.streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.headers,
        }
        self._h2.local_settings = Settings(client=False, initial_values=self._settings)
        self.unsent = Unsent(self._h2, share, self._watch.answered)

    def start(self) -> None:
        """Say our settings."""
        self._h2.initiate_connection()
        # What h2 says here holds at once. The windows of streams become smaller once the client knows, so they are
        # said in a frame that takes the place of this one.
        self._h2.clear_outbound_data_buffer()
        said = dict[SettingCodes | int, int](self._settings.items())
        self._h2.update_settings({**said, SettingCodes.INITIAL_WINDOW_SIZE: FIRST_WINDOW})
        if self._window > _DEFAULT_WINDOW:
            self._h2.increment_flow_control_window(self._window - _DEFAULT_WINDOW)

    def receive(self, data: bytes) -> bool:
        """Tell the sink what came; False once nothing more can be said on this connection."""
        for event in self._received(data):
            if tell := self._told.get(type(event)):
                tell(event)
        if self._over:
            self.unsent.forget_all()
        return not self._over

    def grant(self, stream: int, size: int) -> None:
        """Let the client send so many more bytes of this request."""
        # Refused requests still arrive for a while, and h2 has forgotten their streams.
        if not self._over and (state := self._h2.streams.get(stream)) and not state.closed:
            self._h2.increment_flow_control_window(size, stream)

    def respond(self, stream: int, headers: Headers, body: bytes, trailers: Headers) -> None:
        """Answer a request; what the client's window does not admit waits for it."""
        if self._over:
            return
        if self.unsent.may_pass(stream, len(body)):
            self._say_whole(stream, headers, body, trailers)
        else:
            self._h2.send_headers(stream, headers)
            self.unsent.send(stream, body, trailers)

    def refuse(self, stream: int, headers: Headers, *, complete: bool) -> None:
        """Answer with headers alone; `complete` says whether the request's body was."""
        if self._over:
            return
        self._h2.send_headers(stream, headers, end_stream=True)
        if complete:
            self._watch.answered()
        else:
            self._close(stream, ErrorCodes.NO_ERROR)

    def refuse_in_full(self, stream: int, headers: Headers, body: bytes, trailers: Headers) -> None:
        """Answer with a body, whether or not the request's is complete."""
        self.respond(stream, headers, body, trailers)
        # One that waits for the client's window is left open: a reset would overtake it.
        if not self._over and stream not in self.unsent:
            self._close(stream, ErrorCodes.NO_ERROR)

    def reset(self, stream: int, code: ErrorCodes) -> None:
        """End a request without a response."""
        if not self._over:
            self._close(stream, code)
        self.unsent.forget(stream)

    def forgive(self) -> None:
        """Start anew with counting the frames that ask for nothing."""
        self._watch.forgive()

    def ping(self) -> None:
        """Ask the client for a sign of life."""
        if not self._over:
            self._h2.ping(b"gcptasks")

    def go_away(self, code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Say that requests after those that began are not answered."""
        # h2 counts a connection as closed once it has sent GOAWAY, and the calls that run would have no response.
        if not self._over:
            self._say(GoAwayFrame(0, last_stream_id=self._h2.highest_inbound_stream_id, error_code=code))

    def take(self) -> bytes:
        """The bytes to send."""
        if not self._ours:
            return self._h2.data_to_send()
        ours = bytes(self._ours)
        self._ours.clear()
        return ours + self._h2.data_to_send()

    def _say_whole(self, stream: int, headers: Headers, body: bytes, trailers: Headers) -> None:
        # h2 is told of the trailers alone, as if they were all of the response: each frame costs it some 10 µs.
        block = self._h2.encoder.encode(headers)
        ours = self._ours
        ours += self._h2.data_to_send()
        ours += frame_head(len(block), HEADERS, END_HEADERS, stream)
        ours += block
        ours += frame_head(len(body), DATA, 0, stream)
        ours += body
        self._h2.send_headers(stream, trailers, end_stream=True)
        self._h2.outbound_flow_control_window -= len(body)
        self.unsent.passed(len(body))

    def _received(self, data: bytes) -> list[Event]:
        try:
            events = self._h2.receive_data(self._sieve.pass_on(data))
        except Unwelcome as unwelcome:
            self._end(unwelcome.reason)
            return []
        except ProtocolError:
            # h2 has a GOAWAY with the reason ready to be taken.
            self._over = True
            return []
        # h2 has handled all of them before we hear of the first, so one that was reset further on has no stream
        # any more that could be answered.
        self._dead = {event.stream_id for event in events if type(event) is StreamReset}
        self._over = any(type(event) is ConnectionTerminated for event in events)
        return events

    def _request_received(self, event: RequestReceived) -> None:
        stream = event.stream_id
        if rest := self._sieve.rests.pop(stream, None):
            self._used_past_h2 += len(rest.body)
            self._give_window_back()
        if stream in self._dead:
            return
        headers = tuple(event.headers)
        if not is_request(headers):
            self.reset(stream, ErrorCodes.PROTOCOL_ERROR)
        elif rest is None:
            self._sink.begun(stream, headers)
        else:
            self._came(stream, headers, rest)

    def _came(self, stream: int, headers: Fields, rest: Rest) -> None:
        # What h2 would have done with the rest.
        state = self._h2.streams[stream]
        window = state.outbound_flow_control_window + rest.opened
        if window > LARGEST_WINDOW:
            self.reset(stream, ErrorCodes.FLOW_CONTROL_ERROR)
        elif announced_length(headers) not in (None, len(rest.body)):
            self._end(ErrorCodes.PROTOCOL_ERROR)
        else:
            state.outbound_flow_control_window = window
            self._sink.came(stream, headers, rest.body)

    def _data_received(self, event: DataReceived) -> None:
        self._used += event.flow_controlled_length
        self._give_window_back()
        if event.stream_id in self._dead:
            return
        self._sink.received(event.stream_id, event.data)
        if padding := event.flow_controlled_length - len(event.data):
            self.grant(event.stream_id, padding)

    def _trailers_received(self, event: TrailersReceived) -> None:
        if event.stream_id not in self._dead and not are_trailers(event.headers):
            self._sink.gone(event.stream_id)
            self.reset(event.stream_id, ErrorCodes.PROTOCOL_ERROR)

    def _stream_ended(self, event: StreamEnded) -> None:
        if event.stream_id not in self._dead:
            self._sink.ended(event.stream_id)

    def _stream_reset(self, event: StreamReset) -> None:
        self.unsent.forget(event.stream_id)
        self._sink.gone(event.stream_id)

    def _window_updated(self, event: WindowUpdated) -> None:
        if self._over:
            return
        if event.stream_id == 0:
            self.unsent.connection_opened(self._dead)
        elif event.stream_id not in self._dead:
            self.unsent.stream_opened(event.stream_id)

    def _settings_changed(self, event: RemoteSettingsChanged) -> None:
        if SettingCodes.INITIAL_WINDOW_SIZE in event.changed_settings and not self._over:
            self.unsent.all_opened(self._dead)

    def _give_window_back(self) -> None:
        # Always, and long before it is used up: what one request may send, its own window says.
        if (self._used + self._used_past_h2) * 2 >= self._window and not self._over:
            if self._used:
                self._h2.increment_flow_control_window(self._used)
            if self._used_past_h2:
                self._say(WindowUpdateFrame(0, window_increment=self._used_past_h2))
            self._used = self._used_past_h2 = 0

    def _say(self, frame: Frame) -> None:
        """Send a frame of which h2 is to know nothing."""
        self._ours += self._h2.data_to_send() + frame.serialize()

    def _end(self, reason: ErrorCodes) -> None:
        """Say nothing after this."""
        self.go_away(reason)
        self._over = True

    def _close(self, stream: int, code: ErrorCodes) -> None:
        # The rest of a request that is answered early may have come by now, and then its stream is closed.
        with suppress(StreamClosedError):
            self._h2.reset_stream(stream, code)


class _Connection(H2Connection):
    """One of `h2`, which counts the open streams before each new one, but seldom."""

    MAX_CLOSED_STREAMS = 1024
    """How many it remembers, for frames that come late."""

    def __init__(self, most: int, config: H2Configuration) -> None:
        super().__init__(config)
        self._most = most
        self._opened = 0
        self._count_at = 0

    @property
    def open_inbound_streams(self) -> int:
        """Half of those that are open at most: a client that opens twice as many as it may ends its connection.

        What is above its limit before that is for the sink to refuse.
        """
        # A count walks all streams, and drops the closed ones. So as many are opened between two.
        self._opened += 1
        if self._opened >= self._count_at:
            self._opened = super().open_inbound_streams + 1
            self._count_at = min(max(2 * self._opened, _UNCOUNTED), 2 * self._most)
        return self._opened // 2
