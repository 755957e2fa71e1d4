"""Applications that carry the service, run as a server runs them, and what their tasks did."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder, LocalService

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
