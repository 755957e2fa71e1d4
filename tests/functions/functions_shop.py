"""Clients, an app with the tasks of one, and what posts to it as the queue does."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import uvicorn
from fastapi import FastAPI

from cloudtask import CloudTaskClient
from cloudtask.fastapi import CloudTaskRouter
from fastapi_gcp_tasks import LocalService

APP = "http://app.local"
SECRET = {"X-PYCT-SECRET": "known"}


def make_client(**settings: Any) -> CloudTaskClient:
    all_settings: dict[str, Any] = {
        "project": "p",
        "location": "l",
        "url": f"{APP}/tasks/run",
        "secret": "known",
        **settings,
    }
    return CloudTaskClient(**all_settings)


class Said(NamedTuple):
    """What an app answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def detail(self) -> Any:
        return json.loads(self.body)["detail"]


def make_app(client: CloudTaskClient, **options: Any) -> FastAPI:
    app = FastAPI()
    app.include_router(CloudTaskRouter(client, **options), prefix="/tasks")
    return app


async def post(app: Any, body: bytes, headers: Mapping[str, str] = SECRET, path: str = "/tasks/run") -> Said:
    """What the app answers to such a request."""
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
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "server": ("worker", 80),
        "client": ("queue", 1),
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Said(sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:]))


def message(path: str, *args: Any, **kwargs: Any) -> bytes:
    """What a task's body is."""
    return json.dumps({"path": path, "args": args, "kwargs": kwargs}).encode()


class Shop:
    """An app with the tasks of one client, and the service that delivers into it."""

    def __init__(self, *, verify: Any = None, **settings: Any) -> None:
        self.local = LocalService("memory:", app_url=APP)
        self.client = make_client(
            client=self.local.tasks_client(), async_client=self.local.async_tasks_client, **settings
        )
        self._verify = verify
        self.ran: list[Any] = []
        self._more = asyncio.Event()

    def note(self, *values: Any) -> None:
        self.ran.append(values)
        self._more.set()

    async def until(self, count: int) -> list[Any]:
        async with asyncio.timeout(20):
            while len(self.ran) < count:
                self._more.clear()
                await self._more.wait()
        return self.ran

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[FastAPI]:
        app = make_app(self.client, verify=self._verify)
        self.local.install(app)
        async with app.router.lifespan_context(app):
            yield app


@asynccontextmanager
async def served(app: Any) -> AsyncGenerator[str]:
    """The app on a port of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        running = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
        running.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.to_thread(running.join, 20)
