"""Workers of every kind: scripted ones that misbehave on purpose, and a uvicorn that doesn't."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol

import uvicorn

from gcptasks.engine.delivery import Outgoing
from gcptasks.runtime.targets.asgi import AsgiTarget
from gcptasks.runtime.targets.http import HttpTarget
from gcptasks.runtime.targets.router import Targets
from gcptasks.runtime.targets.target import HopReply


async def answer_of(target: AsgiTarget | HttpTarget | Targets, request: Outgoing) -> HopReply:
    """How the attempt ended, once all is over."""
    answers: list[HopReply] = []
    await target.send(request, answers.append)
    [answer] = answers
    return answer


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Worker:
    """A server that runs a script on each connection and remembers what it was sent."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connections = 0
        self.url = ""
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            await self._script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()


class Workers(Protocol):
    """Starts workers."""

    async def __call__(
        self, script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> Worker: ...


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    return head, await reader.readexactly(length)


def answering(*answers: bytes) -> Script:
    """Gives these answers in turn on one connection, then closes it; the last for ever if it is the only one."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest: Iterable[bytes] = answers if len(answers) > 1 else iter(lambda: answers[0], None)
        for answer in rest:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

    return script


def outgoing(
    url: str,
    *,
    method: str = "POST",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    deadline: float = 600,
) -> Outgoing:
    """A request. Its deadline is beyond the test's own time limit, so what waits for it fails the test."""
    return Outgoing(method=method, url=url, headers=list(headers), body=body, deadline=timedelta(seconds=deadline))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def serving(app: Any) -> AsyncGenerator[str]:
    """The URL at which uvicorn serves the app."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = _Server(
            uvicorn.Config(app, log_level="error", http="httptools", ws="none", timeout_graceful_shutdown=1)
        )
        task = asyncio.create_task(server.serve([sock]))
        await server.ready.wait()
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
