"""Clients that say exactly what a test wants said, and the responses they get."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol, TypeVar

import grpc
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

from gcptasks.rpc.http2 import Handler
from gcptasks.rpc.listener import Listener

METHOD = "/a.B/C"
E = TypeVar("E", bound=Event)


async def echo(method: str, message: bytes) -> bytes:
    return message


def calling(channel: grpc.aio.Channel) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
    """A method of the channel, with bytes in and bytes out."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
    return method


class Listen(Protocol):
    """Starts a listener that ends with the test; `limits` are fields of `ListenerLimits`."""

    async def __call__(
        self, handle: Handler = echo, *, patience: timedelta = timedelta(seconds=30), **limits: int | timedelta
    ) -> Listener: ...


class Connect(Protocol):
    """Opens a connection that ends with the test; nothing is said on it yet."""

    async def __call__(self, listener: Listener) -> "RawClient": ...


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

    def begin(self, *more: tuple[str, str]) -> int:
        """Send the headers of a call."""
        stream = self._headers(more)
        self.flush()
        return stream

    def call(self, message: bytes = b"hello", *more: tuple[str, str], flag: int = 0) -> int:
        """Send a whole call that fits the first window."""
        stream = self._headers(more)
        wire = bytes([flag]) + len(message).to_bytes(4, "big") + message
        for start in range(0, len(wire), 16384):
            self.h2.send_data(stream, wire[start : start + 16384])
        self.h2.end_stream(stream)
        self.flush()
        return stream

    def unsent_call(self) -> bytes:
        """The bytes of a call with nothing in it."""
        self.h2.send_data(self._headers(()), b"\0\0\0\0\0", end_stream=True)
        return self.h2.data_to_send()

    def _headers(self, more: Iterable[tuple[str, str]]) -> int:
        stream = self.h2.get_next_available_stream_id()
        headers = {
            ":method": "POST",
            ":scheme": "http",
            ":path": METHOD,
            ":authority": "localhost",
            "te": "trailers",
            "content-type": "application/grpc",
            **dict(more),
        }
        self.h2.send_headers(stream, list(headers.items()))
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

    async def until(self, *kinds: type[E], stream: int | None = None) -> E:
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

    async def response(self, stream: int) -> tuple[dict[str, str], bytes]:
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
