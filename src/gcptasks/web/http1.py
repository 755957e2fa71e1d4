"""HTTP/1.1 connections, served by aiohttp."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

_PATIENCE = timedelta(seconds=75)
_AT_ONCE = 0.001
"""Seconds; to aiohttp 0 means without end."""
_HEADERS = 32
_HEADER_BYTES = 4096
"""At most: a thousand connections with as much as they may send then take some 300 MiB. Browsers send less."""
_SIP = 16 * 1024
"""Bytes that a connection reads at a time, and that it keeps of a body before it reads on."""


@asynccontextmanager
async def protocol_factory(
    app: web.Application, *, grace: Callable[[], timedelta], patience: timedelta = _PATIENCE
) -> AsyncGenerator[Callable[[], asyncio.Protocol]]:
    """What makes the protocol of each connection. On leaving, `grace` is asked how long requests may still take.

    A connection on which no request becomes complete for `patience` is closed.
    """
    runner = web.AppRunner(
        app,
        shutdown_timeout=_AT_ONCE,
        keepalive_timeout=patience.total_seconds(),
        access_log=None,
        logger=_Log(logging.getLogger("gcptasks.web"), {}),
        max_headers=_HEADERS,
        max_field_size=_HEADER_BYTES,
        read_bufsize=_SIP,
    )
    await runner.setup()
    try:
        server = runner.server
        assert server is not None
        yield lambda: _Sipping(server())
    finally:
        await _finish(runner, grace())
        await runner.cleanup()


class _Log(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp says of connections. That a client sent no HTTP is its own fault, which it is told, and no error."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **more: Any) -> None:
        is_theirs = isinstance(exc_info, HttpProcessingError)
        self.log(logging.DEBUG if is_theirs else logging.ERROR, msg, *args, exc_info=exc_info, **more)


class _Sipping(asyncio.Protocol, asyncio.BufferedProtocol):
    """Hands on to a protocol what comes, a little at a time.

    asyncio would read 256 KiB. That much of a thousand large bodies, for which there is no room yet, is too much.
    """

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol
        self._buffer = memoryview(bytearray(_SIP))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._protocol.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)


async def _finish(runner: web.AppRunner, grace: timedelta) -> None:
    """Let the requests that run finish, those that are half sent included."""
    assert runner.server is not None
    runner.server.pre_shutdown()
    seconds = max(grace.total_seconds(), _AT_ONCE)
    # aiohttp waits that long twice: before it cancels a request, and after.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await runner.server.shutdown(seconds)
