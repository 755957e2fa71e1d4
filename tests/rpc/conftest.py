"""A listener on a free port, and clients that say exactly what a test wants said."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

from gcptasks.rpc.http2 import Answer
from gcptasks.rpc.limits import Limits
from gcptasks.rpc.listener import Listener
from gcptasks.web.app import make_app
from gcptasks.web.http1 import protocol_factory

NOW = timedelta(0)

Listen = Callable[..., Awaitable[Listener]]
Connect = Callable[[Listener], Awaitable["RawClient"]]


async def echo(method: str, message: bytes) -> bytes:
    return message


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Starts listeners that end with the test."""
    async with AsyncExitStack() as stack:

        async def start(
            answer: Answer = echo, *, patience: timedelta = timedelta(seconds=30), **limits: object
        ) -> Listener:
            factory = await stack.enter_async_context(protocol_factory(make_app(), grace=NOW, patience=patience))
            listener = await Listener.start("127.0.0.1", 0, answer, factory, Limits(**limits))  # type: ignore[arg-type]
            stack.push_async_callback(listener.stop, NOW)
            return listener

        yield start


class RawClient:
    """An HTTP/2 client on a socket; its h2 connection is there to be misused."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.h2 = H2Connection(H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False))
        self.events: list[Event] = []

    def greet(self) -> None:
        self.h2.initiate_connection()
        self.flush()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    def begin(self, *more: tuple[str, str], without: str = "") -> int:
        """Send the headers of a call."""
        stream = self.h2.get_next_available_stream_id()
        headers = {
            ":method": "POST",
            ":scheme": "http",
            ":path": "/a.B/C",
            ":authority": "localhost",
            "te": "trailers",
            "content-type": "application/grpc",
            **dict(more),
        }
        headers.pop(without, None)
        self.h2.send_headers(stream, list(headers.items()))
        self.flush()
        return stream

    def call(self, message: bytes = b"hello", *more: tuple[str, str], flag: int = 0) -> int:
        """Send a whole call that fits the first window."""
        stream = self.begin(*more)
        wire = bytes([flag]) + len(message).to_bytes(4, "big") + message
        for start in range(0, len(wire), 16384):
            self.h2.send_data(stream, wire[start : start + 16384])
        self.h2.end_stream(stream)
        self.flush()
        return stream

    async def read(self) -> bool:
        """Take what comes next; False at the end of the connection."""
        try:
            data = await self.reader.read(65536)
        except ConnectionError:
            return False
        if data:
            self.events += self.h2.receive_data(data)
            self.flush()
        return bool(data)

    async def until(self, *kinds: type[Event], stream: int | None = None) -> Event:
        """The first event of these kinds (on that stream), which may have come already."""
        while True:
            for event in self.events:
                if isinstance(event, kinds) and stream in (None, getattr(event, "stream_id", None)):
                    return event
            assert await self.read(), f"closed after {self.events}"

    async def rest(self) -> bytes:
        """What the server still sent, once it closed; nothing if it broke the connection off."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""
        finally:
            self.writer.close()

    async def ended(self) -> None:
        """Return once the server closed."""
        while await self.read():
            pass
        self.writer.close()

    async def answer(self, stream: int) -> tuple[dict[str, str], bytes]:
        """Headers and trailers in one, and the body, once the stream has ended."""
        await self.until(StreamEnded, StreamReset, stream=stream)
        mine = [event for event in self.events if getattr(event, "stream_id", None) == stream]
        fields = {
            name.decode(): value.decode()
            for event in mine
            if isinstance(event, ResponseReceived | TrailersReceived)
            for name, value in event.headers
        }
        return fields, b"".join(event.data for event in mine if isinstance(event, DataReceived))


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Opens raw connections that end with the test; nothing is said on them yet."""
    writers: list[asyncio.StreamWriter] = []

    async def open_(listener: Listener) -> RawClient:
        reader, writer = await asyncio.open_connection(listener.host, listener.port)
        writers.append(writer)
        return RawClient(reader, writer)

    yield open_
    for writer in writers:
        writer.close()
