"""A service whose process forks, and has closed the database for it: the child enqueues before it is opened again."""

import asyncio
import os
import signal
import sys

from server.server_apps import Carrier, serving


def enqueue_in_child(carrier: Carrier, text: str) -> None:
    """Return once that child has ended; the event loop stands still meanwhile."""
    child = os.fork()
    if child == 0:
        carrier.note.delay(text=text)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


async def main(database: str) -> None:
    carrier = Carrier(database)
    async with serving(carrier.app):
        for number in range(3):
            carrier.note.delay(text="of the parent")
            await carrier.done.reach(2 * number + 1)
            enqueue_in_child(carrier, "of the child")
            await carrier.done.reach(2 * number + 2)
    assert carrier.done == ["of the parent", "of the child"] * 3


if __name__ == "__main__":
    signal.alarm(30)  # for a task that is never delivered
    asyncio.run(main(sys.argv[1]))
