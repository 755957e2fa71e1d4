"""Applications that carry the service, run as a server runs them, and what their tasks did."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from fastapi_gcp_tasks import (
    AsyncDelayedRouteBuilder,
    DelayedRouteBuilder,
    LocalService,
    as_async_delayed_task,
    as_delayed_task,
)

QUEUE = "projects/p/locations/l/queues/q"
URL = "http://app.local"


class Done(list[Any]):
    """What tasks did, in order."""

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let others run until that is so; pytest's timeout ends what never comes."""
        while not condition():
            await asyncio.sleep(0.001)  # not 0: threads and other processes need the processor too

    async def reach(self, count: int) -> None:
        """Return once that many things were done."""
        await self.until(lambda: len(self) >= count)


def task_router(local: LocalService, prefix: str = "", *, url: str = URL, **options: Any) -> APIRouter:
    """A router of task endpoints that are enqueued by the sync client; `options` are APIRouter's."""
    route = DelayedRouteBuilder(client=local.tasks_client(), base_url=url, queue_path=QUEUE)
    return APIRouter(prefix=prefix, route_class=route, **options)


def async_task_router(local: LocalService, prefix: str = "", *, url: str = URL, **options: Any) -> APIRouter:
    """The same with the async client."""
    route = AsyncDelayedRouteBuilder(client=local.async_tasks_client, base_url=url, queue_path=QUEUE)
    return APIRouter(prefix=prefix, route_class=route, **options)


class Carrier:
    """An app with the service inside, and a task that can be enqueued in every way."""

    def __init__(self, database: str) -> None:
        self.local = LocalService(database, app_url=URL)
        self.done = Done()
        self.app = FastAPI()
        tasks, async_tasks = task_router(self.local), async_task_router(self.local)

        @as_delayed_task
        @tasks.post("/note")
        async def note(text: str) -> None:
            self.done.append(text)

        @as_async_delayed_task
        @async_tasks.post("/async-note")
        async def async_note(text: str) -> None:
            self.done.append(text)

        @as_delayed_task
        @tasks.post("/from-async-endpoint")
        async def from_async_endpoint() -> None:
            note.delay(text="blocking, on the loop")
            await async_note.delay(text="awaited")

        @as_delayed_task
        @tasks.post("/from-sync-endpoint")
        def from_sync_endpoint() -> None:
            note.delay(text="from a sync endpoint")

        self.note, self.async_note = note, async_note
        self.from_async_endpoint, self.from_sync_endpoint = from_async_endpoint, from_sync_endpoint
        self.app.include_router(tasks)
        self.app.include_router(async_tasks)
        self.local.install(self.app)


class StartFailed(Exception):
    """The application could not start; the server is told so much."""


@asynccontextmanager
async def serving(app: Any) -> AsyncGenerator[asyncio.Task[None]]:
    """The app from its start-up to its shutdown, by ASGI's lifespan protocol; the task in which that runs."""
    asked: asyncio.Queue[str] = asyncio.Queue()
    told: asyncio.Queue[Any] = asyncio.Queue()

    async def receive() -> dict[str, Any]:
        return {"type": f"lifespan.{await asked.get()}"}

    scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    lifespan = asyncio.ensure_future(app(scope, receive, told.put))
    asked.put_nowait("startup")
    await _step(lifespan, told)
    try:
        yield lifespan
    finally:
        if not lifespan.done():
            asked.put_nowait("shutdown")
            await _step(lifespan, told)
            await lifespan


async def _step(lifespan: asyncio.Task[None], told: "asyncio.Queue[Any]") -> None:
    """Wait for the app's word that a step is complete; `StartFailed` if it is not."""
    word = asyncio.ensure_future(told.get())
    await asyncio.wait([word, lifespan], return_when=asyncio.FIRST_COMPLETED)
    if not word.done():
        word.cancel()
        await lifespan
        raise StartFailed("the lifespan ended without a word")
    if word.result()["type"].endswith(".failed"):
        await asyncio.wait([lifespan])
        lifespan.exception()
        raise StartFailed(word.result().get("message"))
