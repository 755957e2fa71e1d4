"""Forks while a thread serves an app, and serves it in the child, which delivers when its parent has stopped."""

import asyncio
import os
import signal
import sys
import threading

from server.server_apps import Carrier, serving


async def serve_in_child(carrier: Carrier) -> None:
    async with serving(carrier.app):
        carrier.note.delay(text="of the child")
        await carrier.done.until(lambda: "of the child" in carrier.done)


def main(database: str) -> None:
    carrier = Carrier(database)
    serves, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(carrier.app):
            carrier.note.delay(text="of the parent")
            await carrier.done.reach(1)
            serves.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    serves.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # for a child that waits for what its parent has
        try:
            asyncio.run(serve_in_child(carrier))
        except BaseException as error:
            print(f"the child could not serve: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    stop.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child did not deliver"


if __name__ == "__main__":
    main(sys.argv[1])
