"""Writes to a database without pause, as one process of several: `store_turns PATH SECONDS thread|loop`.

Says "ready", waits for a line, and prints how many writes it made, and how many seconds the slowest one took.
"""

import asyncio
import sys
import time

from gcptasks.base.events import Events
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from store.store_verbs import add_queue, add_task


async def main(path: str, seconds: float, kind: str) -> None:
    store = Store(parse_database(path), Events())
    store.write_sync(add_queue)
    print("ready", flush=True)
    sys.stdin.readline()
    count, slowest = 0, 0.0
    begun = now = time.monotonic()
    while now < begun + seconds:
        if kind == "loop":
            await store.write(add_task)
        else:
            await asyncio.to_thread(store.write_sync, add_task)
        before, now = now, time.monotonic()
        count, slowest = count + 1, max(slowest, now - before)
    print(count, slowest, flush=True)
    store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), sys.argv[3]))
