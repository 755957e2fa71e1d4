"""Clients as users write them for their own tests, and the shortest way from an endpoint to a task."""

import asyncio
from typing import Any

from fastapi import APIRouter, FastAPI
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, CreateQueueRequest, CreateTaskRequest, Task
from pydantic import BaseModel

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder

QUEUE = "projects/p/locations/l/queues/q"
OTHER_QUEUE = "projects/p/locations/l/queues/other"
URL = "https://worker.example.com"


class Payload(BaseModel):
    message: str


class FakeClient(CloudTasksClient):
    """Keeps what it was asked, by Google's documented keywords.

    `refusals` are raised by create_queue, one a call, before it succeeds.
    """

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.queues: list[CreateQueueRequest] = []
        self.requests: list[CreateTaskRequest] = []
        self.timeouts: list[Any] = []

    def create_queue(self, request: Any = None, **options: Any) -> Any:
        assert options.keys() == {"timeout"}
        self.queues.append(request)
        if self.refusals:
            raise self.refusals.pop(0)

    def create_task(self, request: Any = None, **options: Any) -> Task:
        self.requests.append(request)
        self.timeouts.append(options.pop("timeout"))
        assert not options
        return Task(name=f"{request.parent}/tasks/{len(self.requests)}")


class FakeAsyncClient(CloudTasksAsyncClient):
    """Keeps what it was asked, by Google's documented keywords.

    `refusals` are raised by create_queue, one a call, before it succeeds.
    """

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.queues: list[CreateQueueRequest] = []
        self.requests: list[CreateTaskRequest] = []
        self.timeouts: list[Any] = []
        self.loop = _running_loop()

    async def create_queue(self, request: Any = None, **options: Any) -> Any:
        assert options.keys() == {"timeout"}
        self.queues.append(request)
        await asyncio.sleep(0)
        if self.refusals:
            raise self.refusals.pop(0)

    async def create_task(self, request: Any = None, **options: Any) -> Task:
        self.requests.append(request)
        self.timeouts.append(options.pop("timeout"))
        assert not options
        return Task(name=f"{request.parent}/tasks/{len(self.requests)}")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def delayed_router(client: CloudTasksClient, *, prefix: str = "", **options: Any) -> APIRouter:
    """A router of task endpoints; `options` are the builder's."""
    options = {"queue_path": QUEUE, "callback_base_url": URL, "client": client, **options}
    return APIRouter(prefix=prefix, route_class=DelayedRouteBuilder(**options))


def async_delayed_router(client: Any = None, *, prefix: str = "", **options: Any) -> APIRouter:
    """A router of async task endpoints; `options` are the builder's."""
    options = {"queue_path": QUEUE, "callback_base_url": URL, "client": client, **options}
    return APIRouter(prefix=prefix, route_class=AsyncDelayedRouteBuilder(**options))


async def ask(app: FastAPI, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of what the app answers to a request without a body."""
    status, _, body = await exchange(app, method, path, headers)
    return status, body


async def exchange(
    app: FastAPI, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what the app answers; `more` goes into the scope."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "server": ("worker", 80),
        "client": ("queue", 1),
        **more,
    }
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    seen = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return messages[0]["status"], seen, b"".join(message.get("body", b"") for message in messages)
