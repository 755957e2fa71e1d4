"""Begins attempts at one task, many at once: `python -m results.results_starting KIND WHERE NAME ID COUNT`.

Half of them by code that blocks, half by coroutines. Says "ready", and begins when it is sent a line.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from gcptasks.engine.task_records import Started
from results.results_named import results_named


async def main(kind: str, where: str, name: str, id: str, count: str) -> None:
    results = results_named(kind, where, name)
    half = int(count) // 2
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(4) as threads:
        blocking = results.blocking()
        begun = [threads.submit(blocking.change, id, 1, Started("app.hello")) for _ in range(half)]
        room = asyncio.Semaphore(4)

        async def start() -> None:
            async with room:
                await results.awaiting().change(id, 1, Started("app.hello"))

        await asyncio.gather(*(start() for _ in range(half)), *map(asyncio.wrap_future, begun))
    await results.awaiting().close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
