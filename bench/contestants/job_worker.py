"""A worker of jobs that costs as little as can be, and counts when their requests arrive: `job_worker PORT`."""

import asyncio
import sys
from datetime import datetime
from time import monotonic, time

from bench.contestants.tally import Tally

RESPONSE = b"HTTP/1.1 204 No Content\r\n\r\n"
HEAD = (b"x-cloudscheduler-jobname: ", b"x-cloudscheduler-scheduletime: ")


class Connection(asyncio.Protocol):
    """Answers each request, none of which has a body, and counts its job as run."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            job, at = (next(line[len(name) :] for line in lines if line.startswith(name)).decode() for name in HEAD)
            late = time() - datetime.fromisoformat(at).timestamp()
            self._tally.ran(int(job.removeprefix("job-")), monotonic() - late)
            self._transport.write(RESPONSE)


async def main(port: int) -> None:
    tally = Tally()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(tally), "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
