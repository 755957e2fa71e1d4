"""A process with a task whose endpoint does not end when it is cancelled, under uvicorn or without it."""

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import uvicorn
from fastapi import FastAPI

from fastapi_gcp_tasks import DelayedRouteBuilder, LocalService, as_delayed_task

URL = "http://app.local"


def make(database: str, grace: float, seconds: float) -> tuple[FastAPI, LocalService, Callable[[], object]]:
    """The app, the service, and what enqueues its task."""
    local, app = LocalService(database, app_url=URL, grace=grace), FastAPI()
    app.router.route_class = DelayedRouteBuilder(
        client=local.tasks_client(), base_url=URL, queue_path="projects/p/locations/l/queues/q"
    )

    @as_delayed_task
    @app.post("/ignores")
    async def ignores() -> None:
        print("begun", flush=True)
        while True:
            try:
                await asyncio.sleep(60)
            except BaseException:
                continue

    @as_delayed_task
    @app.post("/thread")
    def thread() -> None:
        print("begun", flush=True)
        time.sleep(seconds)

    return app, local, {"ignores": ignores, "thread": thread}[sys.argv[2]].delay


class Server(uvicorn.Server):
    """Enqueues once it has started: a signal before would end it without the end of the lifespan."""

    def __init__(self, app: FastAPI, enqueue: Callable[[], object]) -> None:
        super().__init__(uvicorn.Config(app, port=0, log_level="warning"))
        self._enqueue = enqueue

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._enqueue()


async def wait(running: AbstractAsyncContextManager[None]) -> None:
    async with running:
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    app, local, enqueue = make(sys.argv[3], float(sys.argv[4]), float(sys.argv[5]))
    if sys.argv[1] == "uvicorn":
        local.install(app)
        Server(app, enqueue).run()
    else:
        enqueue()
        asyncio.run(wait(local.running(app)))
