"""An attempt for which there is no memory for a moment: `python -m …`. It fails where that counts as an attempt."""

import asyncio
import logging
import resource
from pathlib import Path

from gcptasks.runtime.targets.http import HttpTarget
from targets.targets_workers import NO_CONTENT, answer_of, outgoing

SIZE = 200_000_000


class Log(logging.Handler):
    """Lifts the limit once the lack is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def leave(size: int) -> None:
    """Have so much memory to take, and no more."""
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + size, resource.RLIM_INFINITY))


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(SIZE // 1_000_000):
        await reader.readexactly(1_000_000)
    writer.write(NO_CONTENT)
    await reader.read()
    writer.close()


async def main() -> None:
    log = Log()
    logging.getLogger("gcptasks").addHandler(log)
    target, body = HttpTarget(), bytes(SIZE)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        leave(SIZE // 2)
        assert (await answer_of(target, outgoing(url, body=body))).status == 204
        await target.close()
    assert log.messages[:1] == ["attempts wait, and none is counted: Cannot allocate memory"], log.messages


if __name__ == "__main__":
    asyncio.run(main())
