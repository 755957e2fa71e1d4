"""What a frame costs, in calls of functions, whatever else is open; and floods, which end their connection."""

import sys
from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, PingAckReceived, PingReceived
from h2.settings import SettingCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from gcptasks.base.budget import Budget, Share
from gcptasks.base.errors import NotFound
from gcptasks.rpc import grpc
from gcptasks.rpc.framing import Framing
from gcptasks.rpc.limits import ListenerLimits
from rpc.rpc_clients import Connect, Listen, RawClient

BODY = b"x" * 100_000
FEW, MANY = 10, 250


class Answering:
    """Answers each request at once with a body that no window admits."""

    def __init__(self, limits: ListenerLimits) -> None:
        self.framing = Framing(self, limits, Share(Budget(2**30, parts=13, always=64 * 1024)))

    def begun(self, stream: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        pass

    def received(self, stream: int, data: bytes) -> None:
        pass

    def ended(self, stream: int) -> None:
        self.framing.respond(stream, grpc.OK_HEADERS, BODY, grpc.OK_TRAILERS)

    def came(self, stream: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        self.ended(stream)

    def gone(self, stream: int) -> None:
        pass


class Connection:
    """A server's side with so many unsent bodies, and the client's as a source of bytes."""

    def __init__(self, unsent: int, *, window: int = 0) -> None:
        self.framing = Answering(ListenerLimits()).framing
        self.client = H2Connection(H2Configuration())
        self.client.initiate_connection()
        self.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.framing.start()
        for _ in range(unsent):
            self.client.send_headers(self.client.get_next_available_stream_id(), REQUEST, end_stream=True)
        assert self.framing.receive(self.client.data_to_send())
        assert len(self.framing.unsent) == unsent

    def cost(self, data: bytes) -> int:
        """How many calls of functions it takes to receive these bytes."""
        calls = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            is_open = self.framing.receive(data)
        finally:
            sys.setprofile(None)
        assert is_open
        return calls

    def requests(self, count: int) -> bytes:
        """Calls that their client cancels at once."""
        for _ in range(count):
            stream = self.client.get_next_available_stream_id()
            self.client.send_headers(stream, REQUEST)
            self.client.reset_stream(stream)
        return self.client.data_to_send()


REQUEST = [(":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "localhost")]
# The last stream that FEW requests open, which is there in both.
STREAM = 2 * FEW - 1


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(WindowUpdateFrame(0, window_increment=1), id="window of the connection"),
        pytest.param(WindowUpdateFrame(STREAM, window_increment=1), id="window of a stream"),
        pytest.param(PingFrame(0, b"12345678"), id="ping"),
        pytest.param(PriorityFrame(STREAM, depends_on=1), id="priority"),
        pytest.param(RstStreamFrame(STREAM), id="reset"),
    ],
)
@pytest.mark.parametrize("window", [0, 2**30], ids=["streams wait for their window", "all wait for one window"])
def test_a_frame_costs_no_more_where_many_bodies_wait(frame: Frame, window: int) -> None:
    frames = frame.serialize() * 20
    few, many = (Connection(unsent, window=window).cost(frames) for unsent in (FEW, MANY))
    assert many < 1.2 * few


def test_a_new_request_costs_no_more_where_many_bodies_wait() -> None:
    few, many = ((connection := Connection(unsent)).cost(connection.requests(200)) for unsent in (FEW, MANY))
    assert many < 1.3 * few


async def test_bodies_that_wait_for_one_window_take_turns(listen: Listen, connect: Connect) -> None:
    async def large(method: str, message: bytes) -> bytes:
        return BODY[:60_000]

    client = await connect(await listen(large))
    client.greet()
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
    _, *streams = [client.call() for _ in range(5)]
    while client.h2.inbound_flow_control_window > 0:
        assert await client.read()
    client.events.clear()
    client.h2.increment_flow_control_window(6 * 16_384)
    client.flush()
    while client.h2.inbound_flow_control_window > 0:
        assert await client.read()
    turns = [event.stream_id for event in client.events if isinstance(event, DataReceived)]
    assert len(turns) >= 6
    assert set(turns[:4]) == set(streams)
    for _ in range(5):
        client.h2.increment_flow_control_window(len(BODY))
    client.flush()
    for stream in streams:
        assert (await client.response(stream))[0]["grpc-status"] == "0"


FLOODS: dict[str, Callable[[int], bytes]] = {
    "windows of the connection": lambda stream: WindowUpdateFrame(0, window_increment=1).serialize(),
    "windows of a stream": lambda stream: WindowUpdateFrame(stream, window_increment=1).serialize(),
    "pings": lambda stream: PingFrame(0, b"12345678").serialize(),
    "settings": lambda stream: SettingsFrame(0, {SettingCodes.INITIAL_WINDOW_SIZE: 1000}).serialize(),
    "priorities": lambda stream: PriorityFrame(stream, depends_on=0).serialize(),
    "resets": lambda stream: RstStreamFrame(stream + 2).serialize(),
    "nothing as data": lambda stream: DataFrame(stream, b"").serialize(),
    "crumbs of data": lambda stream: DataFrame(stream, b"\0").serialize(),
    "frames of no known kind": lambda stream: b"\0\0\0\xbb\0\0\0\0\0",
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_of_frames_that_ask_for_nothing_ends_its_connection(
    listen: Listen, connect: Connect, flood: str
) -> None:
    listener = await listen(frames=100)
    client = await connect(listener)
    client.greet()
    # What a reset may name has to have been there.
    stream, other = client.begin(), client.begin()
    client.send(FLOODS[flood](stream) * 200)
    assert (await client.until(ConnectionTerminated)).error_code is ErrorCodes.ENHANCE_YOUR_CALM
    assert other == stream + 2
    await client.ended()


async def test_a_client_that_pings_as_often_as_it_is_answered_stays(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(frames=40))
    client.greet()
    for _ in range(50):
        assert (await pinged(client))[0]["grpc-status"] == "0"


async def test_so_does_one_whose_calls_end_with_errors(listen: Listen, connect: Connect) -> None:
    """Google's client pings as often, after 1,000 tasks that are not there as after 1,000 that are."""

    async def nothing_there(method: str, message: bytes) -> bytes:
        raise NotFound("nothing is there")

    client = await connect(await listen(nothing_there, frames=40))
    client.greet()
    for _ in range(50):
        assert (await pinged(client))[0]["grpc-status"] == "5"


async def pinged(client: RawClient) -> tuple[dict[str, str], bytes]:
    client.events.clear()
    for _ in range(2):
        client.h2.ping(b"12345678")
    response = await client.response(client.call())
    await client.until(PingAckReceived)
    return response


async def test_the_frames_of_a_while_ago_do_not_count(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(frames=40, silence=timedelta(milliseconds=50)))
    client.greet()
    for _ in range(5):
        # The server pings when a while has passed.
        await client.until(PingReceived)
        client.events.clear()
        for _ in range(20):
            client.h2.ping(b"12345678")
        client.flush()
        await client.until(PingAckReceived)


async def test_headers_that_never_end_end_their_connection(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(headers=4096))
    client.greet()
    client.send(HeadersFrame(1, b"x" * 1000).serialize() + ContinuationFrame(1, b"x" * 1000).serialize() * 10)
    assert (await client.until(ConnectionTerminated)).error_code is ErrorCodes.ENHANCE_YOUR_CALM
    await client.ended()


async def test_so_do_those_of_a_request_that_has_no_body(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(headers=4096))
    client.greet()
    first = HeadersFrame(1, b"x" * 1000, flags=["END_STREAM"]).serialize()
    client.send(first + ContinuationFrame(1, b"x" * 100).serialize() * 31)
    assert (await client.until(ConnectionTerminated)).error_code is ErrorCodes.ENHANCE_YOUR_CALM
    await client.ended()


async def test_the_headers_of_many_calls_may_be_more_than_those_of_one(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(headers=4096))
    client.greet()
    # Of a field that is never indexed each call sends all bytes.
    client.h2.encoder.header_table_size = 0
    for _ in range(20):
        stream = client.call(b"", ("x-large", "~" * 1000))
        assert (await client.response(stream))[0]["grpc-status"] == "0"
