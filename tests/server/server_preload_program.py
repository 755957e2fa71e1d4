"""What a server does that loads the app before it forks its workers, as gunicorn --preload: `python -m … DATABASE`.

The app is made, and enqueues, in a process that never serves it. Two children serve it, and one of them delivers.
"""

import asyncio
import os
import signal
import sys

from server.server_apps import Carrier, Done, serving


class Told(Done):
    """Tells its parent what tasks did."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe

    def append(self, done: str) -> None:
        os.write(self._pipe, f"{done}\n".encode())


async def serve(carrier: Carrier, pipe: int) -> None:
    carrier.done = Told(pipe)
    async with serving(carrier.app):
        carrier.note.delay(text=f"of {os.getpid()}")
        await asyncio.Event().wait()


def main(database: str) -> None:
    carrier = Carrier(database)
    carrier.note.delay(text="before the fork")
    read, write = os.pipe()
    workers: list[int] = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            signal.alarm(50)
            os.close(read)
            asyncio.run(serve(carrier, write))
        workers.append(pid)
    os.close(write)
    wanted = {"before the fork", *(f"of {pid}" for pid in workers)}
    done: list[str] = []
    with os.fdopen(read) as lines:
        while set(done) != wanted:
            done.append(lines.readline().strip())
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert sorted(done) == sorted(wanted), done


if __name__ == "__main__":
    main(sys.argv[1])
