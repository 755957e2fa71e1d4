"""Writes tasks without pause: `python -m … DATABASE COUNT BYTES loop|thread`. It says each number that is durable."""

import asyncio
import logging
import sys

from gcptasks.base.events import Events
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from store.store_verbs import NOW, add_task

AT_ONCE = 50


async def on_a_loop(store: Store, count: int, body: bytes) -> None:
    for done in range(0, count, AT_ONCE):
        await asyncio.gather(*(store.write(add_task, NOW, body) for _ in range(AT_ONCE)))
        print(done + AT_ONCE, flush=True)


def in_a_thread(store: Store, count: int, body: bytes) -> None:
    for done in range(count):
        store.write_sync(add_task, NOW, body)
        print(done + 1, flush=True)


def main(database: str, count: str, size: str, way: str) -> None:
    logging.basicConfig()
    store = Store(parse_database(database), Events())
    body = b"x" * int(size)
    if way == "loop":
        asyncio.run(on_a_loop(store, int(count), body))
    else:
        in_a_thread(store, int(count), body)
    # Ends without closing the store, as a script does.


if __name__ == "__main__":
    main(*sys.argv[1:])
