"""A service on a port with its admin calls, and a worker that answers when it is let."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from web.web_clients import LOCATION, QUEUE, Answer, Rest

TOKEN = "let-me-in"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


class GatedWorker:
    """Answers each attempt with 200, once `gate` is open."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.gate = asyncio.Event()
        self.cut_off = 0
        """How many attempts ended before they were answered."""
        self.url = ""
        self._changed = asyncio.Event()

    async def serve(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        self._changed.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cut_off += 1
            self._changed.set()
            raise
        return web.Response()

    async def received(self, count: int) -> None:
        """Return once so many attempts have arrived."""
        await self._until(lambda: len(self.paths) >= count)

    async def was_cut_off(self) -> None:
        """Return once an attempt has ended before it was answered."""
        await self._until(lambda: self.cut_off > 0)

    async def _until(self, condition: Any) -> None:
        while not condition():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 30)


class Admin(Rest):
    """A client of a service and of its admin calls."""

    def __init__(self, emulator: Any, worker: GatedWorker) -> None:
        super().__init__(emulator)
        self.worker = worker

    async def admin(self, method: str, path: str, body: Any = None) -> Answer:
        """An admin call, with the token."""
        return await self.ask(method, f"/admin/{path}", body, **WITH_TOKEN)

    async def somebody_waits(self) -> None:
        """Return once a wait has begun."""
        async with asyncio.timeout(30):
            while not self.emulator._backend.idle_waits._changed:
                await asyncio.sleep(0.001)

    async def running_queue(self, name: str = QUEUE) -> None:
        """Make a queue that runs."""
        created = await self.ask("POST", f"/v2/{LOCATION}/queues", {"name": name})
        assert created.status == 200

    async def task(self, path: str, queue: str = QUEUE, **task: Any) -> Answer:
        """Make a task that calls the worker."""
        body = {"task": {"httpRequest": {"url": f"{self.worker.url}/{path}"}, **task}}
        created = await self.ask("POST", f"/v2/{queue}/tasks", body)
        assert created.status == 200, created.text
        return created


@asynccontextmanager
async def administered(**settings: Any) -> AsyncGenerator[Admin]:
    """A service with these settings beside a worker."""
    worker = GatedWorker()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", worker.serve)
    server = TestServer(app)
    await server.start_server()  # which cancels an attempt whose connection is closed
    worker.url = f"http://{server.host}:{server.port}"
    usual: dict[str, Any] = {"port": 0, "host": "127.0.0.1", "admin_token": TOKEN, "grace": 1.0}
    chosen = PortSettings(**(usual | settings))
    try:
        async with emulating(chosen) as emulator, Admin(emulator, worker) as client:
            try:
                yield client
            finally:
                worker.gate.set()
    finally:
        await server.close()
