"""HTTP/1.1 connections, served by aiohttp."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web

_PATIENCE = timedelta(seconds=75)


@asynccontextmanager
async def protocol_factory(
    app: web.Application, *, grace: timedelta, patience: timedelta = _PATIENCE
) -> AsyncGenerator[Callable[[], asyncio.Protocol]]:
    """What makes the protocol of each connection. On leaving, requests that run have `grace` to finish.

    A connection on which no request becomes complete for `patience` is closed.
    """
    runner = web.AppRunner(
        app,
        shutdown_timeout=grace.total_seconds(),
        keepalive_timeout=patience.total_seconds(),
        access_log=None,
    )
    await runner.setup()
    try:
        assert runner.server is not None
        yield runner.server
    finally:
        await runner.cleanup()
