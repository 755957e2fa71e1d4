"""Nothing that a client or a worker sends forges a line of the log."""

import asyncio
import sys
import unicodedata
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from google.api_core import exceptions
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send

from fastapi_gcp_tasks import LocalService
from gcptasks.base.log_text import log_text
from server.server_apps import QUEUE, URL, Done, serving

HOSTILE = "\n\r\x1b[31m\x00\x7f\x85\x9b\u2028\u2029\u202e\u2066\u061c"
QUOTED = "".join(f"%{byte:02x}" for byte in HOSTILE.encode())


def hostile(text: str) -> list[str]:
    """What of the text ends a line, controls a terminal, turns its direction or cannot be written."""
    unsafe = ("Cc", "Cs", "Zl", "Zp")
    turns = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
    marks = "\u061c\u200e\u200f"
    return [
        one
        for one in text
        if unicodedata.category(one) in unsafe or unicodedata.bidirectional(one) in turns or one in marks
    ]


def test_every_character_that_could_forge_a_line_is_escaped() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = log_text(everything)
    assert hostile(shown) == []
    assert log_text("\x1b[0m\n\u2028") == r"\x1b[0m\n\u2028"


@given(text=st.text())
def test_all_else_stays_as_it_is(text: str) -> None:
    kept = "".join(one for one in text if not hostile(one))
    assert log_text(kept) == kept
    assert len(log_text(text).splitlines()) <= 1


@asynccontextmanager
async def answering(data: bytes) -> AsyncGenerator[str]:
    """The URL of a worker that sends these bytes to whoever asks."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def attempt(local: LocalService, app: FastAPI, url: str, caplog: pytest.LogCaptureFixture) -> str:
    """What the log says once a task for that URL is given up."""
    client = local.tasks_client()
    queue = {"name": QUEUE, "retry_config": {"max_attempts": 1}}
    client.create_queue({"parent": "projects/p/locations/l", "queue": queue})
    client.create_task({"parent": QUEUE, "task": {"http_request": {"url": url, "body": HOSTILE.encode()}}})
    caplog.set_level("DEBUG", "gcptasks")
    async with serving(app):
        await Done().until(lambda: not list(client.list_tasks(parent=QUEUE)))
    return messages(caplog)


def messages(caplog: pytest.LogCaptureFixture) -> str:
    """The messages of our own loggers, on one line."""
    return " | ".join(one.getMessage() for one in caplog.records if one.name.startswith(("gcptasks", "fastapi_gcp")))


class Failing:
    """Middleware that sees every path: routes match none with a line end in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/raises"):
            raise ValueError((await receive())["body"].decode())
        if scope["type"] != "http" or not scope["path"].startswith("/silent"):
            await self._app(scope, receive, send)


@pytest.mark.parametrize("path", ["raises", "silent", "missing"])
async def test_by_a_path_or_an_exception_in_the_app(caplog: pytest.LogCaptureFixture, path: str) -> None:
    local, app = LocalService("memory:", app_url=URL), FastAPI()

    app.add_middleware(Failing)
    local.install(app)
    said = await attempt(local, app, f"{URL}/{path}/{QUOTED}", caplog)
    assert "attempt 1 failed" in said
    assert hostile(said) == []
    assert (r"\n\r\x1b[31m" in said) is (path != "missing")


@pytest.mark.parametrize(
    "data",
    [
        HOSTILE.encode(),
        b"HTTP/1.1 307 %b\r\nLocation: http://h.invalid/%b\r\n\r\n" % ((HOSTILE[4:].encode(),) * 2),
        b"HTTP/1.1 307 X\r\nLocation: \xe2\x80\xae://\xc2\x85\r\n\r\n",
        b"HTTP/1.1 307 X\r\nLocation: http://app.local/\xe2\x80\xae\xc2\x85\xe2\x80\xa8\r\n\r\n",
        b"HTTP/1.1 307 X\r\nLocation: http://[fe80::1%25\xe2\x80\xae]:1/\r\n\r\n",
        b"HTTP/1.1 503 \x1b[31m\xe2\x80\xa8\r\nX-\x1b: \x1b\r\n\r\n",
    ],
)
async def test_by_a_worker(caplog: pytest.LogCaptureFixture, data: bytes) -> None:
    local, app = LocalService("memory:", app_url=URL), FastAPI()
    local.install(app)
    async with answering(data) as url:
        said = await attempt(local, app, f"{url}/{QUOTED}", caplog)
    assert "attempt 1 failed" in said
    assert hostile(said) == []


async def test_by_a_client(caplog: pytest.LogCaptureFixture) -> None:
    """Names are refused before they get that far; a host is not looked at until it is called."""
    local, app = LocalService("memory:", app_url=URL), FastAPI()
    local.install(app)
    client = local.tasks_client()
    for name in (QUEUE + HOSTILE, QUEUE + "\n", HOSTILE, f"projects/{HOSTILE}/locations/l/queues/q"):
        with pytest.raises((exceptions.InvalidArgument, exceptions.PermissionDenied)):
            client.purge_queue(name=name)
    with pytest.raises(exceptions.InvalidArgument):
        client.create_task({"parent": QUEUE, "task": {"name": f"{QUEUE}/tasks/x\n", "http_request": {"url": URL}}})
    said = await attempt(local, app, f"http://h{HOSTILE}/{HOSTILE}", caplog)
    assert "has no valid host name" in said
    assert hostile(said) == []
