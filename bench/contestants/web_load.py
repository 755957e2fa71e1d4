"""Many HTTP requests at once, at little cost to the machine that also serves them."""

import asyncio
from time import monotonic
from urllib.parse import urlsplit

from bench.contestants.load import spread


async def requests_a_second(url: str, requests: int, connections: int) -> float:
    """Requests answered a second, over that many connections that are kept open."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    asking = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: 0\r\n\r\n".encode()
    idle = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(connections)]

    async def ask(_: int) -> None:
        reader, writer = idle.pop()
        writer.write(asking)
        await _answered(reader)
        idle.append((reader, writer))

    began = monotonic()
    await spread(ask, requests, connections)
    took = monotonic() - began
    for _, writer in idle:
        writer.close()
    return requests / took


async def _answered(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(head.decode())
    await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
