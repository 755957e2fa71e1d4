"""The bodies of requests and responses, in the memory that all connections share.

Small bodies always have room. A large one is waited for, or refused, so that a thousand connections with large bodies
take no more than ten.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from gcptasks.base.budget import Budget, Share
from gcptasks.base.errors import DeadlineExceeded, InvalidArgument, ResourceExhausted

_FULL = "The service holds as many bytes of requests and responses as it may."
_PIECE = 64 * 1024
"""Bytes of a response that are written at a time."""
_FIRST = 16 * 1024
"""Bytes that a request has room for at first, if it does not say how many it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """How large bodies may be, and how long they may take."""

    request: int
    """Bytes of a request, as sent and as unpacked."""
    memory_within: timedelta
    """How long a request waits for memory."""
    transfer: timedelta
    """How long a request may take to arrive, and a response to be read."""


@contextmanager
def exchanging(request: web.Request, budget: Budget, limits: BodyLimits) -> Generator["Exchange"]:
    """An exchange, whose memory is given back at the end of the block."""
    share = Share(budget)
    try:
        yield Exchange(request, share, limits)
    finally:
        share.grant(-share.granted)


class Exchange:
    """A request, and its response."""

    def __init__(self, request: web.Request, share: Share, limits: BodyLimits) -> None:
        self._request = request
        self._share = share
        self._limits = limits
        self._is_broken = False
        """Whether what is still to come of the request is no use."""

    async def receive(self) -> bytes:
        """The body of the request, unpacked, once all of it is there.

        `InvalidArgument` if it is too large or broken, `ResourceExhausted` if there is no memory for it,
        `DeadlineExceeded` if it does not come.
        """
        body = bytearray()
        await self._have(self._announced())
        try:
            async with asyncio.timeout(self._limits.transfer.total_seconds()):
                async for piece in self._request.content.iter_any():
                    if len(body) + len(piece) > self._share.granted:
                        await self._have(max(self._limits.request, len(body) + len(piece)))
                    body += piece
        except TimeoutError:
            self._is_broken = True
            raise DeadlineExceeded("The request did not arrive in time.") from None
        except (ConnectionError, web.RequestPayloadError) as error:
            self._is_broken = True
            raise InvalidArgument(f"The body of the request is broken: {error}") from error
        return bytes(body)

    def hold(self, response: web.Response) -> None:
        """Count the response; `ResourceExhausted` if there is no memory for it."""
        size = response.content_length or 0
        if not self._share.has_room(size):
            raise ResourceExhausted(_FULL)
        self._share.grant(size)

    async def send(self, response: web.Response) -> web.StreamResponse:
        """Send it, and return once the client has read it but for its end, or is gone. Who does not read has to go."""
        sent: web.StreamResponse = response
        try:
            async with asyncio.timeout(self._limits.transfer.total_seconds()):
                sent = await self._write(response)
        except TimeoutError:
            if transport := self._request.transport:
                transport.abort()
        except ConnectionError:
            pass
        else:
            if self._is_broken:
                self._request.protocol.force_close()
        return sent

    async def _write(self, response: web.Response) -> web.StreamResponse:
        body = response.body
        if not isinstance(body, bytes) or len(body) <= _PIECE:
            await response.prepare(self._request)
            await response.write_eof()
            return response
        # In pieces, as asyncio copies what it cannot send at once.
        stream = web.StreamResponse(status=response.status, headers=response.headers)
        stream.content_length = len(body)
        await stream.prepare(self._request)
        for start in range(0, len(body), _PIECE):
            await stream.write(body[start : start + _PIECE])
        await stream.write_eof()
        return stream

    def _announced(self) -> int:
        """How many bytes the body has, as far as its headers tell."""
        length = self._request.content_length
        if length is None or "Content-Encoding" in self._request.headers:
            return _FIRST if self._request.can_read_body else 0
        return length

    async def _have(self, size: int) -> None:
        """Return once there is room for so many bytes in all."""
        if size > self._limits.request:
            raise InvalidArgument(f"Request payload size exceeds the limit: {self._limits.request} bytes.")
        more = size - self._share.granted
        if more <= 0:
            return
        granted = asyncio.Event()
        try:
            async with asyncio.timeout(self._limits.memory_within.total_seconds()):
                if not self._share.ask(0, more, granted.set):
                    await granted.wait()
        except TimeoutError:
            raise ResourceExhausted(_FULL) from None
        finally:
            self._share.forget(0)
