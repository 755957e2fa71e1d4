"""Attempts for names of which most are never answered, by the system's own resolver, in a network of one's own.

It fails where they hold up a name that is answered.
"""

import asyncio
import subprocess
import tempfile
from pathlib import Path
from typing import cast

from gcptasks.runtime.targets.http import HttpTarget
from targets.targets_apart import set_loopback_up
from targets.targets_workers import NO_CONTENT, answer_of, outgoing

SLOW = 40


class NameServer(asyncio.DatagramProtocol):
    """Knows that `quick.test` is this machine, and does not answer for any other."""

    def __init__(self) -> None:
        self.asked: set[bytes] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, kind = data[13:].split(b"\0", 1)[0], data[-3]
        self.asked.add(name)
        if not name.startswith(b"quick"):
            return
        # The question again, and an A record that points to its name; for AAAA there is none.
        record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1" if kind == 1 else b""
        question = data[12 : 12 + len(name) + 6]
        self._transport.sendto(data[:2] + b"\x81\x80\0\1\0%c\0\0\0\0" % bool(record) + question + record, addr)


def use_name_server() -> None:
    """For this process and what it starts, which have a file system of their own."""
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write("nameserver 127.0.0.1\noptions timeout:3 attempts:1\n")
    subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"], check=True)
    Path(file.name).unlink()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(NO_CONTENT)
    await reader.read()
    writer.close()


async def main() -> None:
    target = HttpTarget()
    loop = asyncio.get_running_loop()
    _, names = await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 53))
    async with await asyncio.start_server(answer, "127.0.0.1", 8000):
        slow = [
            asyncio.create_task(answer_of(target, outgoing(f"http://slow-{number}.test:8000/")))
            for number in range(SLOW)
        ]
        while len(names.asked) < SLOW:
            await asyncio.sleep(0.001)
        assert (await answer_of(target, outgoing("http://quick.test:8000/"))).status == 204
        assert not any(attempt.done() for attempt in slow)
        for number, attempt in enumerate(slow):
            reply = await attempt
            assert reply.status == 0, reply
            assert reply.reason.startswith(f"the host slow-{number}.test cannot be found: "), reply
        await target.close()


if __name__ == "__main__":
    set_loopback_up()
    use_name_server()
    asyncio.run(main())
