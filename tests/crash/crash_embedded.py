"""An app that carries the service, and creates tasks on the event loop on which they run, until it is killed.

`python -m crash.crash_embedded DATABASE JOURNAL load|poison|deliver|finish NAME PAUSE`

- `load` creates tasks, many at a time, with pauses of up to PAUSE seconds. Their names begin with NAME.
- `poison` does so too, and creates the task NAME, which kills the process that runs it.
- `deliver` runs what there is.
- `finish` ends once there is nothing left.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Body, FastAPI, Header

from fastapi_gcp_tasks import AsyncDelayedRouter, LocalService, as_async_delayed_task

PARENT = "projects/p/locations/l"
QUEUE = f"{PARENT}/queues/crash"
POISON_QUEUE = f"{PARENT}/queues/poison"
AT_ONCE = 50
"""Calls that are under way at the same time."""
LONGEST = 0.02
"""Seconds that a task takes at most, so that many are under way when a kill comes."""
URL = "http://app.local"


class Journal:
    """A file that tells, whatever is killed, what had happened before."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, what: str, task: str, **values: float | str) -> None:
        line = json.dumps({"what": what, "task": task, "process": os.getpid(), "at": time.time()} | values)
        os.write(self._file, line.encode() + b"\n")


class App:
    """The app, and its tasks."""

    def __init__(self, database: Path, journal: Journal) -> None:
        self._journal = journal
        self._random = random.Random(os.getpid())
        self.local = LocalService(f"sqlite:///{database}", app_url=URL, quotas="none")
        self.app = FastAPI()
        tasks = AsyncDelayedRouter(client=self.local.async_tasks_client, base_url=URL, queue_path=QUEUE)

        @as_async_delayed_task
        @tasks.post("/work")
        async def work(name: Annotated[str, Body(embed=True)]) -> None:
            journal.note("ran", name)
            await asyncio.sleep(self._random.choice([0, self._random.uniform(0, LONGEST)]))

        @as_async_delayed_task
        @tasks.post("/poison")
        async def poison(
            name: Annotated[str, Body(embed=True)],
            x_cloudtasks_taskretrycount: Annotated[int, Header()] = -1,
        ) -> None:
            journal.note("died", name, retries=x_cloudtasks_taskretrycount)
            os.kill(os.getpid(), signal.SIGKILL)

        self.work, self.poison = work, poison
        self.app.include_router(tasks)

    async def load(self, name: str, pause: float) -> None:
        """Create tasks until the end of the process."""
        await asyncio.gather(*(self._feed(f"{name}-{number}", pause) for number in range(AT_ONCE)))

    async def _feed(self, name: str, pause: float) -> None:
        made = 0
        while True:
            made += 1
            task = f"{name}-{made}"
            later = self._random.choice([0.0, 0.0, 0.0, self._random.uniform(0, 1)])
            due = time.time() + later
            await self.work.options(countdown=later).delay(name=task)
            self._journal.note("accepted", task, due=due)
            await asyncio.sleep(self._random.uniform(0, pause))

    async def create_poison(self, name: str) -> None:
        await asyncio.sleep(self._random.uniform(0, 0.1))  # beside the load, at a moment that is left to chance
        await self.poison.options(queue_path=POISON_QUEUE, task_id=name).delay(name=name)

    async def finish(self) -> None:
        """Return once there is no task any more."""
        for queue in (QUEUE, POISON_QUEUE):
            while await self._has_tasks(queue):
                await asyncio.sleep(0.01)

    async def _has_tasks(self, queue: str) -> bool:
        pages = await self.local.async_tasks_client().list_tasks(request={"parent": queue, "page_size": 1})
        first = await anext(pages.pages)
        return bool(first.tasks)


@asynccontextmanager
async def running(database: str, journal: str) -> AsyncGenerator[App]:
    app = App(Path(database), Journal(Path(journal)))
    async with app.local.running(app.app):
        print("runs", flush=True)
        yield app


async def main(database: str, journal: str, what: str, name: str = "", pause: str = "0") -> None:
    async with running(database, journal) as app:
        match what:
            case "load":
                await app.load(name, float(pause))
            case "poison":
                await asyncio.gather(app.load(f"{name}-beside", float(pause)), app.create_poison(name))
            case "finish":
                await app.finish()
            case _:
                await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
