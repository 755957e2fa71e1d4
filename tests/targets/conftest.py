"""Workers that a test starts, and what TLS needs."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gcptasks.runtime.targets.http import HttpTarget
from targets.targets_certificates import Authority
from targets.targets_workers import Script, Worker, Workers


@pytest.fixture
async def target() -> AsyncIterator[HttpTarget]:
    made = HttpTarget()
    yield made
    await made.close()


@pytest.fixture
async def worker() -> AsyncIterator[Workers]:
    """Starts workers; they are stopped after the test."""
    stops: list[Callable[[], Awaitable[None]]] = []

    async def start(script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Worker:
        made = Worker(script)
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.create_task(made.serve(reader, writer)))

        server = await asyncio.start_server(accept, host, 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        made.url = f"{'https' if tls else 'http'}://{shown}:{port}"

        async def stop() -> None:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

        stops.append(stop)
        return made

    yield start
    for stop in stops:
        await stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for 127.0.0.1, and a client's that trusts it."""
    return authority.server("127.0.0.1"), authority.client()
