"""An app with recorded tasks, blocking or awaited, on a local service that is not started: it delivers nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder, LocalService
from gcptasks.engine.task_records import Event, Started, Succeeded
from gcptasks.results.store import ResultStore
from gcptasks.results.task_info import TaskInfo

QUEUE = "projects/p/locations/l/queues/q"
URL = "http://app.local"
HOWS = ["blocking", "awaited"]


class Squared(BaseModel):
    number: int
    square: int


class App:
    """Its endpoints `square`, `nothing` and `anything`, of either kind of router."""

    def __init__(self, how: str, local: LocalService, **options: Any) -> None:
        self.results: ResultStore = options.setdefault("results", local.results())
        if how == "awaited":
            builder: Any = AsyncDelayedRouteBuilder
            options.setdefault("client", local.async_tasks_client)
        else:
            builder = DelayedRouteBuilder
            options.setdefault("client", local.tasks_client())
        router = APIRouter(route_class=builder(queue_path=QUEUE, base_url=URL, **options))

        @router.post("/square/{number}")
        async def square(number: int, tags: frozenset[str] = frozenset()) -> Squared:
            return Squared(number=number, square=number * number)

        @router.post("/nothing")
        def nothing() -> None: ...

        @router.post("/anything")
        def anything(): ...  # type: ignore[no-untyped-def]  # what it returns is not said

        self.square: Any = square
        self.nothing: Any = nothing
        self.anything: Any = anything
        self.api = FastAPI()
        self.api.include_router(router)

    async def happen(self, id: str, *events: Event, run: int = 1) -> None:
        """These events come to the record of that task, and each changes it."""
        for event in events:
            change = await self.results.awaiting().change(id, run, event)
            assert change is not None
            assert change.made, event

    async def succeed(self, id: str, result: bytes | None, endpoint: str = "square") -> None:
        """An attempt ends the task with this result."""
        await self.happen(id, started(endpoint), Succeeded(1, result))


def started(endpoint: str = "square") -> Started:
    """An attempt at a task of this endpoint begins."""
    return Started(f"results.results_app.App.__init__.<locals>.{endpoint}")


async def done(call: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """What the call returns, of either twin: the blocking one is made in a thread."""
    if iscoroutinefunction(call):
        return await call(*args, **named)
    return await asyncio.to_thread(call, *args, **named)


async def all_of(updates: Iterator[TaskInfo] | AsyncIterator[TaskInfo]) -> list[TaskInfo]:
    """All updates of a handle."""
    if isinstance(updates, AsyncIterator):
        return [one async for one in updates]
    return await asyncio.to_thread(list, updates)
