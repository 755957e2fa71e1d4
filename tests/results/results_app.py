"""An app with recorded tasks, blocking or awaited, on a local service that is not started: it delivers nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter, FastAPI
from google.api_core.exceptions import NotFound
from google.cloud.tasks_v2 import CloudTasksClient, Task
from pydantic import BaseModel

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder, LocalService
from gcptasks.engine.task_records import Event, Started, Succeeded
from gcptasks.results.store import Query, ResultStore
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


def tasks_of(local: LocalService) -> dict[str, Task]:
    """The tasks in the queue, by name."""
    client = local.tasks_client()
    try:
        listed = list(client.list_tasks(request={"parent": QUEUE, "response_view": Task.View.FULL}))
    except NotFound:
        return {}
    return {task.name: task for task in listed}


def records_of(app: App) -> list[str]:
    """The names of the tasks that have records."""
    return [record.task_name for record in app.results.blocking().find(Query()).records]


class Refusing(CloudTasksClient):
    """Creates tasks as the client inside does, and raises these, one a call, before that or `after` it."""

    def __init__(self, inside: CloudTasksClient, *refusals: BaseException, after: bool = False) -> None:
        self.inside = inside
        self.refusals = list(refusals)
        self.after = after

    def create_queue(self, request: Any = None, **options: Any) -> Any:
        return self.inside.create_queue(request=request, **options)

    def create_task(self, request: Any = None, **options: Any) -> Any:
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None and not self.after:
            raise refusal
        task = self.inside.create_task(request=request, **options)
        if refusal is not None:
            raise refusal
        return task
