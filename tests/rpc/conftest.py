"""A listener on a free port, and connections to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from gcptasks.rpc.http2 import Handler
from gcptasks.rpc.limits import ListenerLimits
from gcptasks.rpc.listener import Listener
from gcptasks.web.app import make_app
from gcptasks.web.health import health_routes
from gcptasks.web.http1 import protocol_factory
from rpc.rpc_clients import Connect, Listen, RawClient, echo

NOW = timedelta(0)


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    async with AsyncExitStack() as stack:

        async def start(
            handle: Handler = echo, *, patience: timedelta = timedelta(seconds=30), **limits: Any
        ) -> Listener:
            factory = await stack.enter_async_context(
                protocol_factory(
                    make_app(health_routes(lambda: True), services={}), grace=lambda: NOW, patience=patience
                )
            )
            listener = await Listener.start("127.0.0.1", 0, handle, factory, ListenerLimits(**limits))
            stack.push_async_callback(listener.stop, NOW)
            return listener

        yield start


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    writers: list[asyncio.StreamWriter] = []

    async def open_(listener: Listener) -> RawClient:
        reader, writer = await asyncio.open_connection(listener.host, listener.port)
        writers.append(writer)
        return RawClient(reader, writer)

    yield open_
    for writer in writers:
        writer.close()
