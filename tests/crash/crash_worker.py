"""A worker that keeps what it was sent, and when."""

import asyncio
import threading
import time
from collections import defaultdict
from types import TracebackType
from typing import Self

from aiohttp import web


class Worker:
    """An HTTP server in a thread: answers 200 to each task and notes when it came."""

    def __init__(self) -> None:
        self.received: dict[str, list[float]] = defaultdict(list)
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def wait_for(self, tasks: set[str], patience: float) -> set[str]:
        """Return once each of these tasks has come, or after so many seconds without a new one; those that did not."""
        with self._changed:
            while missing := tasks - self.received.keys():
                if not self._changed.wait(patience):
                    return missing
            return set()

    def counts(self) -> dict[str, int]:
        """How often each task has come so far."""
        with self._changed:
            return {task: len(times) for task, times in self.received.items()}

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_post("/", self._receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        task = (await request.read()).decode()
        with self._changed:
            self.received[task].append(time.time())
            self._changed.notify_all()
        return web.Response()
