"""An app on the database that the environment names, for tests that run it in processes of their own.

Run as a program it enqueues each line of its standard input, and prints what its tasks do, until that input ends.
"""

import asyncio
import os
import sys

from fastapi import FastAPI

from fastapi_gcp_tasks import LocalService, as_delayed_task
from server.server_apps import URL, serving, task_router

local = LocalService(os.environ["TASKS_DATABASE"], app_url=URL)
app, tasks = FastAPI(), task_router(local)


@as_delayed_task
@tasks.post("/note")
async def note(text: str) -> None:
    # In one piece, or what another process prints may come between.
    print(f"{os.getpid()} did {text}\n", end="", flush=True)


@app.post("/enqueue")
def enqueue(text: str) -> int:
    """The number of the process that enqueued."""
    note.delay(text=text)
    return os.getpid()


app.include_router(tasks)
local.install(app)


async def main() -> None:
    async with serving(app):
        print(f"{os.getpid()} started", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            note.delay(text=line.strip())


if __name__ == "__main__":
    asyncio.run(main())
