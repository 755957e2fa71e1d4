"""What goes past the `h2` library has the same effect as if that had had every frame.

Where each frame comes in two pieces no call is there as a whole, so `h2` has all of it: that is what the same bytes in
other pieces are compared with.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator

from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import example, given
from hypothesis import strategies as st

from gcptasks.base.budget import Share
from gcptasks.rpc import grpc
from gcptasks.rpc.framing import Framing
from gcptasks.rpc.limits import ListenerLimits
from gcptasks.rpc.sieve import PREFACE

Fields = Iterable[tuple[bytes, bytes]]

LARGEST_WINDOW = 2**31 - 1
REQUEST = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a.B/C")]
LIMITS = ListenerLimits(frames=100, memory=8 * 65_535)
"""So that the connection's window is the default, and soon given back."""


class Server:
    """Answers each request that is whole, with as many bytes as its body says."""

    def __init__(self) -> None:
        self.framing = Framing(self, LIMITS, Share(LIMITS.budget()))
        self.framing.start()
        self.framing.receive(PREFACE)
        self.whole: dict[int, tuple[object, bytes]] = {}
        self.said = b""
        self.is_open = True
        self._headers: dict[int, object] = {}
        self._bodies: dict[int, bytes] = defaultdict(bytes)

    def receive(self, data: bytes) -> None:
        if self.is_open:
            self.is_open = self.framing.receive(data)
            self.said += self.framing.take()
            while self.framing.unsent.socket_opened():
                self.said += self.framing.take()

    def begun(self, stream: int, headers: Fields) -> None:
        self._headers[stream] = list(headers)

    def received(self, stream: int, data: bytes) -> None:
        self._bodies[stream] += data

    def ended(self, stream: int) -> None:
        if stream in self._headers and stream not in self.whole:
            body = self._bodies[stream]
            self.whole[stream] = self._headers[stream], body
            self.framing.respond(stream, grpc.OK_HEADERS, b"x" * len(body) * 60, grpc.OK_TRAILERS)

    def came(self, stream: int, headers: Fields, body: bytes) -> None:
        self.begun(stream, headers)
        self.received(stream, body)
        self.ended(stream)

    def gone(self, stream: int) -> None:
        self.whole.pop(stream, None)
        self._headers.pop(stream, None)

    def frames(self) -> Iterator[Frame]:
        at = 0
        while at < len(self.said):
            frame, length = Frame.parse_frame_header(memoryview(self.said[at : at + 9]))
            frame.parse_body(memoryview(self.said[at + 9 : at + 9 + length]))
            yield frame
            at += 9 + length

    def sent(self) -> int:
        """Bytes of all bodies so far."""
        return sum(len(frame.data) for frame in self.frames() if isinstance(frame, DataFrame))

    def effect(self, unknown: Container[int]) -> object:
        """What its client has got, but for what is unknown; of a connection that was ended, why."""
        streams: dict[int, list[object]] = defaultdict(list)
        for frame in self.frames():
            parts = streams[frame.stream_id]
            if isinstance(frame, GoAwayFrame):
                return frame.error_code
            if isinstance(frame, DataFrame) and parts and isinstance(parts[-1], bytes):
                parts[-1] += frame.data
            elif isinstance(frame, DataFrame):
                parts.append(frame.data)
            elif isinstance(frame, HeadersFrame):
                parts.append((frame.data, "END_STREAM" in frame.flags))
            elif isinstance(frame, RstStreamFrame) and not (parts and isinstance(parts[-1], int)):
                # More of them only say that the rest of the request came later.
                parts.append(frame.error_code)
        whole = {stream: request for stream, request in self.whole.items() if stream not in unknown}
        known = {stream: parts for stream, parts in streams.items() if stream not in unknown}
        return {"whole": whole, "streams": known, "open": self.is_open}


class Client:
    """Makes frames."""

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._newest = -1

    def begin(self, *more: tuple[bytes, bytes]) -> int:
        self._newest += 2
        self._block = self._encoder.encode([*REQUEST, *more])
        return self._newest

    def call(self, body: bytes, *more: tuple[bytes, bytes], opened: int | None = None) -> list[Frame]:
        """As gRPC's own clients make one."""
        stream = self.begin(*more)
        window = [] if opened is None else [WindowUpdateFrame(stream, window_increment=opened)]
        return [self.headers(stream), *window, DataFrame(stream, body, flags=["END_STREAM"])]

    def headers(self, stream: int, *flags: str) -> Frame:
        return HeadersFrame(stream, self._block, flags=["END_HEADERS", *flags])

    def in_pieces(self, body: bytes) -> list[Frame]:
        stream = self.begin()
        ends = DataFrame(stream, b"", flags=["END_STREAM"])
        return [self.headers(stream), DataFrame(stream, body[:3]), DataFrame(stream, body[3:]), ends]

    def padded(self, body: bytes) -> list[Frame]:
        stream = self.begin()
        return [self.headers(stream), DataFrame(stream, body, pad_length=9, flags=["END_STREAM", "PADDED"])]

    def split(self, body: bytes, between: list[Frame]) -> list[Frame]:
        stream = self.begin()
        first = HeadersFrame(stream, self._block[:2])
        rest = ContinuationFrame(stream, self._block[2:], flags=["END_HEADERS"])
        return [first, *between, rest, DataFrame(stream, body, flags=["END_STREAM"])]

    def reset(self, body: bytes) -> list[Frame]:
        return [*self.call(body), RstStreamFrame(self._newest, error_code=8)]

    def again(self, body: bytes) -> list[Frame]:
        """A request whose headers come twice."""
        stream = self.begin()
        return [self.headers(stream), self.headers(stream), DataFrame(stream, body, flags=["END_STREAM"])]

    def with_trailers(self, body: bytes) -> list[Frame]:
        stream = self.begin()
        trailers = self._encoder.encode([(b"x", b"y")])
        last = HeadersFrame(stream, trailers, flags=["END_HEADERS", "END_STREAM"])
        return [self.headers(stream), DataFrame(stream, body), last]

    def other_stream(self, body: bytes) -> list[Frame]:
        """Headers, and the data of a request that was never opened."""
        stream = self.begin()
        return [self.headers(stream), DataFrame(stream + 2, body, flags=["END_STREAM"])]


def windows(*sizes: int) -> list[Frame]:
    return [WindowUpdateFrame(0, window_increment=size) for size in sizes]


Make = Callable[[Client, bytes], list[Frame]]

WELL_FORMED: dict[str, Make] = {
    "call": lambda client, body: client.call(body, opened=5),
    "call with its length": lambda client, body: client.call(body, (b"content-length", b"%d" % len(body))),
    "call without a window": Client.call,
    "call that opens too much": lambda client, body: client.call(body, opened=LARGEST_WINDOW),
    "windows": lambda client, body: windows(5, len(body) + 1, 5),
    "headers in two frames": lambda client, body: client.split(body, []),
    "malformed": lambda client, body: client.call(body, (b"Upper", b"case")),
    "ping": lambda client, body: [PingFrame(0, b"12345678")],
    "in pieces": Client.in_pieces,
    "padded": Client.padded,
    "reset": Client.reset,
    "with trailers": Client.with_trailers,
    "settings": lambda client, body: [SettingsFrame(0, {4: 1000 + len(body)})],
    "our settings are known": lambda client, body: [SettingsFrame(0, flags=["ACK"])],
}
ILL_FORMED: dict[str, Make] = {
    "call with another length": lambda client, body: client.call(
        body, (b"content-length", b"%d" % (len(body) + 1)), opened=5
    ),
    "windows beyond the largest": lambda client, body: windows(LARGEST_WINDOW, LARGEST_WINDOW),
    "a window between headers": lambda client, body: [*windows(5), *client.split(body, windows(5))],
    "headers twice": Client.again,
    "data of no request": Client.other_stream,
}
DEPENDING_ON_PIECES = {"reset", "settings", "malformed", "call that opens too much"}
"""By these, what leaves before all has come depends on what comes together with `h2` as well."""
MAKERS = WELL_FORMED | ILL_FORMED
steps = st.tuples(st.sampled_from([*WELL_FORMED] * 4 + [*ILL_FORMED]), st.sampled_from([5, 40, 1100, 9000]))


@given(st.lists(steps, max_size=12), st.lists(st.integers(1, 400), min_size=1, max_size=5))
@example([("call", 40), ("call", 1100)], [100_000])
@example([("windows", 40), ("call", 1100), ("windows", 40), ("call", 1100)], [100_000])
@example([("call", 1100)] * 12 + [("call without a window", 5)], [100_000])
@example([("call", 5), ("our settings are known", 5), ("call", 9000)], [100_000])
@example([("call", 5000)] * 10, [100_000])
@example([("windows", 40), ("call", 1100), ("windows", 40), ("call", 5), ("windows beyond the largest", 40)], [100_000])
@example([("call that opens too much", 40), ("call", 5)], [100_000])
@example([("call", 5), ("call with another length", 40)], [100_000])
@example([("call", 1100), ("windows beyond the largest", 40)], [100_000])
@example([("a window between headers", 40)], [100_000])
@example([("call", 40), ("headers twice", 40)], [100_000])
def test_it_makes_no_difference_what_goes_past_h2(steps: list[tuple[str, int]], sizes: list[int]) -> None:
    client = Client()
    made = [frame for kind, size in steps for frame in MAKERS[kind](client, b"b" * size)]
    opening = [SettingsFrame(0, {}), *made]
    # Whatever waits may leave in the end.
    streams = {frame.stream_id for frame in made if isinstance(frame, HeadersFrame)}
    closing = [*windows(2**24), *(WindowUpdateFrame(stream, window_increment=2**20) for stream in sorted(streams))]
    ours, by_h2 = Server(), Server()
    data = b"".join(frame.serialize() for frame in opening)
    for piece in pieces(data, sizes):
        ours.receive(piece)
    for frame in opening:
        data = frame.serialize()
        by_h2.receive(data[:5])
        by_h2.receive(data[5:])
    if ours.is_open and by_h2.is_open and not {kind for kind, _ in steps} & DEPENDING_ON_PIECES:
        # As far as the windows go, which are smaller than what waits.
        assert ours.sent() == by_h2.sent() <= 65_535 + opened(made)
        assert opened(ours.frames()) == opened(by_h2.frames())
    for server in (ours, by_h2):
        for frame in closing:
            server.receive(frame.serialize())
    # Of a call that is reset, it depends on the pieces whether its response left before.
    reset = {frame.stream_id for frame in made if isinstance(frame, RstStreamFrame)}
    if sum(kind in ILL_FORMED for kind, _ in steps) < 2:
        assert ours.effect(reset) == by_h2.effect(reset)
    else:
        assert not ours.is_open
        assert not by_h2.is_open


def opened(frames: Iterable[Frame]) -> int:
    """By how many bytes they open the connection's window."""
    of_connection = [frame for frame in frames if isinstance(frame, WindowUpdateFrame) and frame.stream_id == 0]
    return sum(frame.window_increment for frame in of_connection)


def pieces(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1
