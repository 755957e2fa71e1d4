"""What a finished task without a name leaves in memory: `finished resident`, `finished traced`."""

import asyncio
import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from tempfile import TemporaryDirectory

from fastapi import APIRouter, FastAPI

from bench.contestants.embedding import URL, create_queues, service
from bench.contestants.load import IN_FLIGHT, spread
from bench.contestants.memory import resident
from bench.contestants.noops import QUEUES
from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, as_async_delayed_task

SETTLING = 10_000
MEASURED = 20_000


def traced() -> int:
    """Bytes that Python's own allocator has given out."""
    return tracemalloc.get_traced_memory()[0]


async def measure(folder: str, memory: Callable[[], int]) -> float:
    """Bytes a task, once caches and pools have their size."""
    local = service(folder)
    create_queues(local)
    router = APIRouter(
        route_class=AsyncDelayedRouteBuilder(client=local.async_tasks_client, base_url=URL, queue_path=QUEUES[0])
    )
    all_ran = asyncio.Event()
    left = 0

    @router.post("/noop")
    @as_async_delayed_task
    async def noop(number: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            all_ran.set()

    app = FastAPI()
    app.include_router(router)
    delays = [noop.options(queue_path=queue).delay for queue in QUEUES]

    async def finish(tasks: int) -> int:
        nonlocal left
        left = tasks
        all_ran.clear()
        await spread(lambda number: delays[number % len(delays)](number=number), tasks, IN_FLIGHT)
        await all_ran.wait()
        gc.collect()
        return memory()

    async with local.running(app):
        settled = await finish(SETTLING)
        return (await finish(MEASURED) - settled) / MEASURED


def main(how: str) -> None:
    if how == "traced":
        tracemalloc.start()
    with TemporaryDirectory() as folder:
        kept = asyncio.run(measure(folder, traced if how == "traced" else resident))
    # A fraction of a byte is what buffers happen to hold.
    print(json.dumps({how: round(kept)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
