"""Clients over HTTP/1.1: one for whole requests, and bytes on a socket."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from gcptasks.server.emulator import Emulator

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with."""

    status: int
    content_type: str
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def message(self) -> str:
        """Of a refusal."""
        error = self.json["error"]
        assert error["code"] == self.status
        return str(error["message"])


class Rest:
    """A client of a service's REST paths."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        # 0.0.0.0 is where it listens, and nowhere to go.
        address = emulator.address.replace("0.0.0.0", "127.0.0.1")
        self.session = aiohttp.ClientSession(f"http://{address}", auto_decompress=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """What a request is answered with; a body that is neither bytes nor a text is sent as JSON."""
        data = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = (JSON if data is not None else {}) | named
        async with self.session.request(method, path, data=data, headers=sent) as response:
            return Answer(response.status, response.headers.get("Content-Type", ""), await response.text())

    async def queue(self) -> None:
        """Make the queue, which sends nothing."""
        await self.ask("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE})
        paused = await self.ask("POST", f"/v2/{QUEUE}:pause")
        assert paused.status == 200

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection of one's own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.emulator.port)
        try:
            yield reader, writer
        finally:
            writer.close()


def head(method: str, path: str, *lines: str) -> bytes:
    """The head of a request, with these headers beside its Host."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


async def read_response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The status and the body of the next response."""
    top = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    (length,) = (int(line[16:]) for line in top.split(b"\r\n") if line.lower().startswith(b"content-length: "))
    return int(top[9:12]), await asyncio.wait_for(reader.readexactly(length), 30)
