"""Another process on a file: `python -m results.results_process DATABASE WHAT [ID VERSION]`.

`submit`: submits tasks on many coroutines at once, without end, and says the id of each once it has it.
`wait`: says "waiting", waits for a change of that record, awaited and blocking at once, and says its status then.
`cancel`: cancels that record.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi_gcp_tasks import AsyncDelayedRouter, LocalService
from gcptasks.engine.task_records import Cancelled

URL = "http://app.local"


async def submit(local: LocalService) -> None:
    tasks = AsyncDelayedRouter(
        base_url=URL,
        queue_path="projects/p/locations/l/queues/q",
        client=local.async_tasks_client,
        results=local.results(),
    )

    @tasks.post("/hello/{n}")
    async def hello(n: int) -> int:
        return n

    async def one(n: int) -> None:
        while True:
            print((await hello.submit(n=n)).id, flush=True)

    await asyncio.gather(*map(one, range(20)))


async def wait(local: LocalService, id: str, version: str) -> None:
    results = local.results()
    print("waiting", flush=True)
    await asyncio.gather(
        results.awaiting().wait(id, int(version), 30),
        asyncio.to_thread(results.blocking().wait, id, int(version), 30),
    )
    record = await results.awaiting().get(id)
    print(record and record.status, flush=True)


async def cancel(local: LocalService, id: str, version: str) -> None:
    await local.results().awaiting().change(id, 1, Cancelled())


def main(database: str, what: str, *about: str) -> None:
    local = LocalService(f"sqlite:///{database}", app_url=URL)
    programs: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {"submit": submit, "wait": wait, "cancel": cancel}
    asyncio.run(programs[what](local, *about))


if __name__ == "__main__":
    main(*sys.argv[1:])
