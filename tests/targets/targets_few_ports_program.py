"""An attempt where every local port is in use, in a network of one's own.

It fails where that is taken for the worker's fault.
"""

import asyncio
import logging
import socket
import struct
from pathlib import Path

from gcptasks.runtime.targets.http import HttpTarget
from targets.targets_apart import set_loopback_up
from targets.targets_workers import NO_CONTENT, answer_of, outgoing

PORTS = 4


class Log(logging.Handler):
    """What is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def have_few_ports() -> None:
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"50000 {50000 + PORTS - 1}")


def taken(port: int) -> socket.socket:
    """A connection that leaves its port at once when it is closed."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return sock


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(NO_CONTENT)
        await reader.read()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    log = Log()
    logging.getLogger("gcptasks").addHandler(log)
    target = HttpTarget()
    async with await asyncio.start_server(answer, "127.0.0.1", 8000):
        all_ports = [taken(8000) for _ in range(PORTS)]
        attempt = asyncio.create_task(answer_of(target, outgoing("http://127.0.0.1:8000/", deadline=0.2)))
        while not log.messages:
            await asyncio.sleep(0.01)
        for sock in all_ports:
            sock.close()
        assert (await attempt).status == 204
        nowhere = await answer_of(target, outgoing("http://[2001:db8::1]:8000/", deadline=5))
        assert (nowhere.status, "no connection" in nowhere.reason) == (0, True), nowhere
        await target.close()
    assert log.messages == [
        "attempts wait, and none is counted: no local port is free",
        "attempts are made again",
    ], log.messages


if __name__ == "__main__":
    set_loopback_up()
    have_few_ports()
    asyncio.run(main())
