"""A service in an app whose lifespan never runs: the first request says so, and what to do."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from fastapi_gcp_tasks import LocalService, as_async_delayed_task
from gcptasks.server import lifespan
from server.server_apps import QUEUE, URL, Done, async_task_router, serving

SAID = "the lifespan of the app in which this LocalService is installed has not begun, so it delivers none"


class Carrier:
    """An app with the service inside, and an endpoint that enqueues."""

    def __init__(self) -> None:
        self.local = LocalService("memory:", app_url=URL)
        self.app, self.done = FastAPI(), Done()
        tasks = async_task_router(self.local)

        @as_async_delayed_task
        @tasks.post("/note")
        async def note() -> None:
            self.done.append("note")

        @self.app.get("/trigger")
        async def trigger() -> None:
            await note.delay()

        self.note = note
        self.app.include_router(tasks)

    def left(self) -> int:
        return len(list(self.local.tasks_client().list_tasks(parent=QUEUE)))


async def get(app: Any, path: str) -> int:
    """The status of a GET, from the app itself."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [],
        "query_string": b"",
        "root_path": "",
    }
    await app({**scope, "scheme": "http", "server": ("app.local", 80), "state": {}}, receive, send)
    return int(sent[0]["status"])


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_mounted_app_says_at_its_first_request_that_nothing_is_delivered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    carrier, outer = Carrier(), FastAPI()
    carrier.local.install(carrier.app)
    outer.mount("/sub", carrier.app)
    async with serving(outer):
        assert errors(caplog) == []
        for _ in range(2):
            assert await get(outer, "/sub/trigger") == 200
    (said,) = errors(caplog)
    assert SAID in said
    assert "call LocalService.install with the outer app" in said
    assert carrier.left() == 2


async def _in_the_outer_app(carrier: Carrier, outer: FastAPI) -> None:
    carrier.local.install(outer)


async def _by_the_outer_lifespan(carrier: Carrier, outer: FastAPI) -> None:
    @asynccontextmanager
    async def runs_it(app: FastAPI) -> AsyncGenerator[None]:
        async with carrier.local.running(carrier.app):
            yield

    outer.router.lifespan_context = runs_it


@pytest.mark.parametrize("mended", [_in_the_outer_app, _by_the_outer_lifespan])
async def test_what_it_says_helps(
    mended: Callable[[Carrier, FastAPI], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    carrier, outer = Carrier(), FastAPI()
    await mended(carrier, outer)
    outer.mount("/sub", carrier.app)
    outer.mount("/", carrier.app)
    async with serving(outer):
        assert await get(outer, "/sub/trigger") == 200
        await carrier.done.reach(1)
    assert errors(caplog) == []


async def test_who_asks_the_app_before_its_lifespan_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    """As a test client does outside of its `with` block."""
    carrier = Carrier()
    carrier.local.install(carrier.app)
    assert await get(carrier.app, "/trigger") == 200
    assert [SAID in said and "use it in a `with` block" in said for said in errors(caplog)] == [True]
    async with serving(carrier.app):
        await carrier.done.reach(1)
        assert await get(carrier.app, "/trigger") == 200
    assert len(errors(caplog)) == 1


async def test_tasks_that_are_created_long_after_the_first_are_told_though_no_request_comes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an outer app does that enqueues itself what the mounted one should do."""
    carrier = Carrier()
    carrier.local.install(carrier.app)
    await carrier.note.delay()
    await carrier.note.delay()
    assert errors(caplog) == []
    monkeypatch.setattr(lifespan, "START_TAKES", 0.0)
    for _ in range(2):
        await carrier.note.delay()
    (said,) = errors(caplog)
    assert said.startswith(f"tasks are created, but {SAID}")


async def test_tasks_that_are_created_before_the_start_are_no_error(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = Carrier()
    carrier.local.install(carrier.app)
    await carrier.note.delay()
    monkeypatch.setattr(lifespan, "START_TAKES", 0.0)
    async with serving(carrier.app):
        await carrier.note.delay()
        await carrier.done.reach(2)
    await carrier.note.delay()
    assert errors(caplog) == []


@pytest.mark.parametrize("how", ["on", "off"])
async def test_a_server_that_runs_no_lifespan_is_told_too(how: Any, caplog: pytest.LogCaptureFixture) -> None:
    carrier = Carrier()
    carrier.local.install(carrier.app)
    server = uvicorn.Server(uvicorn.Config(carrier.app, port=0, lifespan=how, log_config=None))
    serve = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.001)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /trigger HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b" 200 " in await reader.readline()
    writer.close()
    server.should_exit = True
    await serve
    assert [SAID in said for said in errors(caplog)] == ([] if how == "on" else [True])
