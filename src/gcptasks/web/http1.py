"""HTTP/1.1 connections, served by aiohttp."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web

_PATIENCE = timedelta(seconds=75)
_AT_ONCE = 0.001
"""Seconds; to aiohttp 0 means without end."""
_HEADERS = 32
_HEADER_BYTES = 4096
"""At most: a thousand connections with as much as they may send then take some 300 MiB. Browsers send less."""


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
        max_headers=_HEADERS,
        max_field_size=_HEADER_BYTES,
    )
    await runner.setup()
    try:
        assert runner.server is not None
        yield runner.server
    finally:
        await _finish(runner, grace())
        await runner.cleanup()


async def _finish(runner: web.AppRunner, grace: timedelta) -> None:
    """Let the requests that run finish, those that are half sent included."""
    assert runner.server is not None
    runner.server.pre_shutdown()
    seconds = max(grace.total_seconds(), _AT_ONCE)
    # aiohttp waits that long twice: before it cancels a request, and after.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await runner.server.shutdown(seconds)
