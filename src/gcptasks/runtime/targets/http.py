"""Attempts over HTTP/1.1, on connections that are kept."""

import asyncio
import errno
import os
import ssl
from collections.abc import Awaitable

from gcptasks.base.errors import DeadlinePassed, DeliveryError, Unreachable
from gcptasks.engine.delivery import Outgoing
from gcptasks.runtime.targets.address import Origin, parse_url
from gcptasks.runtime.targets.connection import ClosedUnanswered, Connection
from gcptasks.runtime.targets.fields import AS_GIVEN, body_of, fields_of
from gcptasks.runtime.targets.pool import Pool, PoolLimits
from gcptasks.runtime.targets.shortage import NotYet
from gcptasks.runtime.targets.target import HopReply, IsWanted, NotSent, NotWanted, OnReply, always, late, unusable


class HttpTarget:
    """Sends attempts to their URLs. One per event loop.

    `verify=False` takes any certificate (CT-L4); an `SSLContext` is used as it is.
    """

    def __init__(self, *, verify: bool | ssl.SSLContext = True, limits: PoolLimits | None = None) -> None:
        self._limits = limits or PoolLimits()
        self._pool = Pool(self._limits, verify)

    async def send(self, request: Outgoing, on_reply: OnReply, wanted: IsWanted = always) -> None:
        """The response to this one request: redirects are not followed here."""
        on_reply(await self._reply(request, wanted))

    async def _reply(self, request: Outgoing, wanted: IsWanted) -> HopReply:
        try:
            origin = parse_url(request.url).origin
        except Unreachable as error:
            return unusable(error)
        places = self._pool.places
        waited = not places.take_now(origin)
        if waited:
            await _before_sending(places.take(origin))
        try:
            while True:
                if waited and not wanted():
                    raise NotWanted
                # The deadline begins when there is what it takes to send.
                until = asyncio.get_running_loop().time() + request.deadline.total_seconds()
                try:
                    return await self._deliver(origin, _wire(request), until, bodiless=request.method == "HEAD")
                except NotYet as not_yet:
                    ready = not_yet.ready
                except MemoryError:
                    ready = self._pool.pause(os.strerror(errno.ENOMEM)).ready
                await _before_sending(asyncio.shield(ready))
                waited = True
        except DeadlinePassed:
            return late(request.deadline)
        except DeliveryError as error:
            return unusable(error)
        finally:
            places.give_back(origin)

    async def close(self) -> None:
        await self._pool.close()

    async def _deliver(self, origin: Origin, wire: bytes, until: float, *, bodiless: bool) -> HopReply:
        kept = self._pool.take_kept(origin)
        if kept is not None:
            loop = asyncio.get_running_loop()
            sent_at = loop.time()
            try:
                return await self._exchange(origin, kept, wire, until, bodiless=bodiless)
            except ClosedUnanswered:
                # The worker closed an idle connection while the request was on its way. It most likely never read
                # the request, and may be given it twice anyway (CT-182); a failed attempt this is not. But one that
                # closes later died at work, and whether to repeat that is for the retry rule to say.
                if loop.time() - sent_at >= self._limits.stale_within.total_seconds():
                    raise
        return await self._exchange(origin, await self._pool.connect(origin, until), wire, until, bodiless=bodiless)

    async def _exchange(
        self, origin: Origin, connection: Connection, wire: bytes, until: float, *, bodiless: bool
    ) -> HopReply:
        try:
            return await connection.exchange(wire, until, bodiless=bodiless)
        finally:
            self._pool.keep(origin, connection)


async def _before_sending(wait: Awaitable[None]) -> None:
    try:
        await wait
    except asyncio.CancelledError:
        raise NotSent from None


def _wire(request: Outgoing) -> bytes:
    """The bytes of the request."""
    address = parse_url(request.url)
    body = body_of(request)
    parts = [f"{request.method} {address.target} HTTP/1.1\r\n".encode("ascii")]
    parts += [b"%b: %b\r\n" % field for field in fields_of(request, address, len(body), AS_GIVEN)]
    parts += (b"\r\n", body)
    return b"".join(parts)
