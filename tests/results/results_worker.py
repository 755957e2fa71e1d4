"""An app with recorded tasks, delivered by the service inside it or by the test itself."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, LocalService
from fastapi_gcp_tasks.labels import endpoint_path
from gcptasks.client.handles import AsyncTaskHandle
from gcptasks.engine.task_records import RECORD_HEADER, TaskRecord, TaskStatus, record_tag
from gcptasks.results.store import NewRecord, ResultStore
from server.server_apps import QUEUE, URL, serving


class Answered(NamedTuple):
    status: int
    body: bytes


class Worker:
    """The app, its store of results, and the router for its tasks."""

    def __init__(self, *, store: ResultStore | None = None, verify: Any = False, **options: Any) -> None:
        self.local = LocalService("memory:", app_url=URL)
        self.store = store or self.local.results(**options)
        self.app = FastAPI()
        self.tasks = self.router(verify=verify)

    def router(
        self,
        *,
        verify: Any = False,
        store: ResultStore | None = None,
        factory: Callable[[], ResultStore] | None = None,
        **options: Any,
    ) -> APIRouter:
        route = AsyncDelayedRouteBuilder(
            client=self.local.async_tasks_client,
            base_url=URL,
            queue_path=QUEUE,
            verify=verify,
            results=factory or store or self.store,
        )
        return APIRouter(route_class=route, **options)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["Worker"]:
        """Deliver tasks."""
        self.app.include_router(self.tasks)
        self.local.install(self.app)
        async with serving(self.app):
            yield self

    def record(self, endpoint: Callable[..., Any], id: str | None = None) -> str:
        """The id of a new record for a task of that endpoint."""
        id = id or token_hex(16)
        name = f"{QUEUE}/tasks/{id}"
        self.local.results().blocking().add(NewRecord(id=id, endpoint=endpoint_path(endpoint), task_name=name))
        return id

    async def submit(self, endpoint: Any, **arguments: Any) -> str:
        """The id of the record of a new task."""
        handle: AsyncTaskHandle[Any] = await endpoint.submit(**arguments)
        return handle.id

    def now(self, id: str) -> TaskRecord:
        """The record."""
        record = self.local.results().blocking().get(id)
        assert record is not None
        return record

    async def until(self, id: str, condition: Callable[[TaskRecord], bool]) -> TaskRecord:
        """The record, once that is so; pytest's timeout ends what never comes."""
        while not condition(record := self.now(id)):
            await asyncio.sleep(0.005)
        return record

    async def end(self, id: str) -> TaskRecord:
        """The record, once it is final."""
        return await self.until(id, lambda record: record.status.final)

    async def gone(self, id: str) -> None:
        """Return once the queue has no such task any more."""
        from google.api_core.exceptions import NotFound

        client = self.local.async_tasks_client()
        while True:
            try:
                await client.get_task(name=f"{QUEUE}/tasks/{id}")
            except NotFound:
                return
            await asyncio.sleep(0.005)

    async def attempt(
        self, path: str, id: str, *, run: int = 1, retry_count: int = 0, headers: dict[str, str] | None = None
    ) -> Answered:
        """What the app answers to an attempt that the test makes itself."""
        sent = {
            RECORD_HEADER: record_tag(id, run),
            "X-CloudTasks-TaskRetryCount": str(retry_count),
            "content-type": "application/json",
            **(headers or {}),
        }
        path, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "server": ("worker", 80),
            "client": ("queue", 1),
        }
        messages: list[dict[str, Any]] = []
        body = [b"", b""]

        async def receive() -> dict[str, Any]:
            if body:
                return {"type": "http.request", "body": body.pop(), "more_body": False}
            await asyncio.Event().wait()
            raise AssertionError("nobody disconnects")

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        return Answered(messages[0]["status"], b"".join(message.get("body", b"") for message in messages))


RUNNING, WAITING = TaskStatus.RUNNING, TaskStatus.WAITING
SUCCEEDED, FAILED, CANCELLED = TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.CANCELLED
