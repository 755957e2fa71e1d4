"""One HTTP/1.1 connection to a worker, with at most one request on its way.

A response counts from the moment its headers are whole. Its body is read and thrown away (CT-181), so that
the connection can serve again; where that takes too long or too much, the connection is closed instead.
"""

import asyncio
import re
import ssl
from typing import cast

import httptools

from gcptasks.base.deadlines import Deadlines, Expiring
from gcptasks.base.errors import BadReply, DeadlinePassed, Unreachable
from gcptasks.runtime.targets.target import HopReply, plain, retry_after

_MOST_HEADER_BYTES = 256 * 1024
_OF_OPENSSL = re.compile(r"^\[.*?\] | \(_ssl\.c:\d+\)$")


class ClosedUnanswered(Unreachable):
    """The connection was closed before an answer."""


class Connection(asyncio.BufferedProtocol, Expiring):
    """Sends requests one after the other and reads their responses.

    It never pauses writing: a request is at most a task, of about a megabyte (CT-101).
    """

    def __init__(self, most_body_bytes: int, deadlines: Deadlines, buffer: memoryview) -> None:
        """`buffer`: what is read goes here, and is used before anything else is read; all connections may share it."""
        self.loop = asyncio.get_running_loop()
        self._deadlines = deadlines
        # asyncio would make room for 256 KiB each time, which costs more than all else about a small response.
        self._buffer = buffer
        self._most_body_bytes = most_body_bytes
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[HopReply] | None = None
        self._bodiless = False
        self._clear()
        self.lost: asyncio.Future[None] = self.loop.create_future()
        """Done once the connection is gone."""
        self.reusable = False
        self.idle_since = 0.0

    def _clear(self) -> None:
        self._status = 0
        self._received = 0
        self._location: bytes | None = None
        self._retry_after: bytes | None = None

    async def exchange(self, request: bytes, until: float, *, bodiless: bool) -> HopReply:
        """The response to a whole request. `until` is a time of the loop; `bodiless` says that the method is HEAD.

        Afterwards, also when this is cancelled, a connection that is not `reusable` is to be closed.
        """
        if self._transport is None or self._transport.is_closing():
            raise ClosedUnanswered
        self._clear()
        self._bodiless = bodiless
        self.reusable = False
        self.until = until
        self.timer = self.others = None
        self._waiting = self.loop.create_future()
        self._deadlines.add(self)
        self._transport.write(request)
        try:
            return await self._waiting
        finally:
            self._deadlines.remove(self)
            self._waiting = None

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self._under_way:
            # Nobody asked: a 408 before a server closes, or more than one response.
            self.reusable = False
            self.abort()
            return
        self._received += nbytes
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except httptools.HttpParserUpgrade:
            self._end("an upgrade that nobody asked for")
        except httptools.HttpParserError as error:
            self._end(f"not an HTTP answer: {error}")
        else:
            self._check_size()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
        self.reusable = False
        if self._status or self._received:
            self._end("the connection was closed before an answer was whole")
        elif self._under_way:
            why = f"the TLS connection was closed: {tls_reason(exc)}" if isinstance(exc, ssl.SSLError) else None
            self._fail(ClosedUnanswered(why))

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._location = self._retry_after = None
        if not self._under_way:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # Most headers are told apart by their length alone. What comes once there is a status is a trailer: no header.
        if len(name) == 8 and name.lower() == b"location" and not self._status:
            self._location = value
        elif len(name) == 11 and name.lower() == b"retry-after" and not self._status:
            self._retry_after = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        # Of the 1xx, only 101 is the last word.
        if self._under_way and (status >= 200 or status == 101):
            self._status = status
            self._received = 0
            if self._bodiless:
                # The parser cannot be told that no body follows, so such a connection serves once.
                self._succeed()

    def on_message_complete(self) -> None:
        if self._status and self._under_way:
            assert self._transport is not None
            self.reusable = self._parser.should_keep_alive() and not self._transport.get_write_buffer_size()
            self._succeed()

    # How an exchange ends.

    @property
    def _under_way(self) -> bool:
        return self._waiting is not None and not self._waiting.done()

    def _check_size(self) -> None:
        if self._status and self._received > self._most_body_bytes:
            self._end("its body is too long")
        elif not self._status and self._received > _MOST_HEADER_BYTES:
            self._end(f"not an HTTP answer: more than {_MOST_HEADER_BYTES} bytes of headers")

    def expire(self) -> None:
        if self._status:
            self._succeed()
        else:
            self._fail(DeadlinePassed())

    def _end(self, reason: str) -> None:
        """No more will be read: what came of the response has to do."""
        if self._status:
            self._succeed()
        else:
            self._fail(BadReply(reason))

    def _succeed(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(self._reply())

    def _reply(self) -> HopReply:
        if self._location is None and self._retry_after is None:
            return plain(self._status)
        return HopReply(
            status=self._status,
            retry_after=None if self._retry_after is None else retry_after(self._retry_after),
            location=None if self._location is None else self._location.decode("utf-8", "replace"),
            until=self.until,
        )

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


def tls_reason(error: ssl.SSLError) -> str:
    """Why OpenSSL refused, without the names that it has for its own files and codes."""
    return _OF_OPENSSL.sub("", str(error))
