"""Workers and disks that fail: each failure is an attempt with a reason, and nothing accepted is lost."""

import asyncio
import contextlib
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from google.api_core import exceptions
from google.cloud.tasks_v2 import Task

from fastapi_gcp_tasks import LocalService, as_delayed_task
from gcptasks.store import writer
from gcptasks.store.tx import Tx
from server.server_apps import QUEUE, URL, Carrier, Done, serving, task_router

PARENT = "projects/p/locations/l"
MIB = bytes(1024 * 1024)
PATIENT_QUEUE = {"parent": PARENT, "queue": {"name": QUEUE, "retry_config": {"min_backoff": {"seconds": 3600}}}}
"""Nothing is tried again before the test says so."""

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _request(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def _answers_500(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops")


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)  # until the other side closes


async def _closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)


async def _answers_500_with_10_mb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n" % (10 * len(MIB)))
    for _ in range(10):
        writer.write(MIB)
        await writer.drain()


async def _sends_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"\x00\x01 This is no HTTP at all.\r\n\r\n")


async def _answers_200_with_10_mb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (10 * len(MIB)))
    for _ in range(10):
        writer.write(MIB)
        await writer.drain()


@asynccontextmanager
async def worker(failing: list[Script]) -> AsyncGenerator[str]:
    """The URL of a worker that does what is in `failing`, and answers 200 with 10 MB as soon as that is empty."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        script = failing[0] if failing else _answers_200_with_10_mb
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await script(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for one in writers:
            one.close()
            with contextlib.suppress(ConnectionError):
                await one.wait_closed()
        await server.wait_closed()


def set_deadlines(local: LocalService, seconds: float) -> None:
    """Give what waits so long for an attempt; a caller can ask for 15 seconds at least (CT-292)."""

    def set_them(tx: Tx) -> None:
        tx._sql.execute("UPDATE tasks SET deadline_us = ?", (int(seconds * 1e6),))

    local._backend._store.write_sync(set_them)


@pytest.mark.parametrize(
    ("script", "deadline", "reason", "message"),
    [
        (_answers_500, 600, "HTTP status code 500", "INTERNAL(13): HTTP status code 500"),
        (_hangs, 0.1, "no answer within 0.1 s", "DEADLINE_EXCEEDED(4): HTTP status code 504"),
        (_closes, 600, "The connection was closed before an answer.", "UNKNOWN(2): HTTP status code 0"),
        (_answers_500_with_10_mb, 600, "HTTP status code 500", "INTERNAL(13): HTTP status code 500"),
        (_sends_garbage, 600, "not an HTTP answer", "UNKNOWN(2): HTTP status code 0"),
    ],
)
async def test_a_worker_that_fails_is_an_attempt_with_a_reason_and_then_tried_again(
    caplog: pytest.LogCaptureFixture, script: Script, deadline: float, reason: str, message: str
) -> None:
    """What is recorded of it is Google's (CT-312, CT-313). The response that ends the task has a body of 10 MB."""
    local, app = LocalService("memory:", app_url=URL), FastAPI()
    local.install(app)
    client = local.tasks_client()
    client.create_queue(PATIENT_QUEUE)
    failing = [script]
    async with worker(failing) as url:
        made = client.create_task({"parent": QUEUE, "task": {"http_request": {"url": url}}})
        set_deadlines(local, deadline)
        async with serving(app):
            seen: list[Task] = []

            def failed() -> bool:
                seen[:] = [client.get_task(name=made.name)]
                return bool(Task.pb(seen[0]).last_attempt.HasField("response_time"))

            await Done().until(failed)
            assert seen[0].last_attempt.response_status.message == message
            assert (seen[0].dispatch_count, seen[0].response_count) == (1, 0)
            assert re.search(rf"attempt 1 failed: .*{re.escape(reason)}.*; next attempt", caplog.text)
            failing.clear()
            set_deadlines(local, 600)  # for the attempt that must succeed, however busy the machine is
            client.run_task(name=made.name)
            await Done().until(lambda: not list(client.list_tasks(parent=QUEUE)))


async def test_a_worker_that_is_down_gets_the_task_when_it_is_up(caplog: pytest.LogCaptureFixture) -> None:
    local, app = LocalService("memory:", app_url=URL), FastAPI()
    local.install(app)
    client = local.tasks_client()
    server = await asyncio.start_server(_closes, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    client.create_task({"parent": QUEUE, "task": {"http_request": {"url": f"http://127.0.0.1:{port}/"}}})
    async with serving(app):
        await Done().until(lambda: f"connection refused by http://127.0.0.1:{port}" in caplog.text)
        server = await asyncio.start_server(_answers_200, "127.0.0.1", port)
        await Done().until(lambda: not list(client.list_tasks(parent=QUEUE)))
    server.close()
    await server.wait_closed()


async def _answers_200(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


async def test_an_app_that_raises_or_hangs_is_a_failed_attempt_too(caplog: pytest.LogCaptureFixture) -> None:
    local, done, app = LocalService("memory:", app_url=URL), Done(), FastAPI()
    tasks = task_router(local)

    @as_delayed_task
    @tasks.post("/raise")
    async def fail() -> None:
        done.append("raise")
        if done.count("raise") == 1:
            raise LookupError("no such thing")

    @as_delayed_task
    @tasks.post("/hang")
    async def hang() -> None:
        done.append("hang")
        if done.count("hang") == 1:
            await asyncio.Event().wait()

    app.include_router(tasks)
    local.install(app)
    client = local.tasks_client()
    client.create_queue(PATIENT_QUEUE)
    names = [hang.delay().name]
    set_deadlines(local, 0.1)
    names.append(fail.delay().name)
    async with serving(app):
        await done.until(lambda: caplog.text.count("attempt 1 failed") == 2)
        set_deadlines(local, 600)
        for name in names:
            client.run_task(name=name)
        await done.until(lambda: not list(client.list_tasks(parent=QUEUE)))
    assert sorted(done) == ["hang", "hang", "raise", "raise"]
    assert re.search("attempt 1 failed: LookupError: no such thing; next attempt", caplog.text)
    assert re.search("attempt 1 failed: no answer within 0.1 s; next attempt", caplog.text)


async def test_a_database_that_another_process_keeps_locked_is_unavailable_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "_PATIENCE", 0.05)
    carrier = Carrier(f"sqlite:///{tmp_path}/tasks.db")
    async with serving(carrier.app):
        carrier.note.delay(text="accepted")
        other = sqlite3.connect(tmp_path / "tasks.db", isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(exceptions.ServiceUnavailable, match="the database is locked by another process"):
            carrier.note.delay(text="refused")
        with pytest.raises(exceptions.ServiceUnavailable, match="the database is locked by another process"):
            await carrier.async_note.delay(text="refused")
        await carrier.done.until(lambda: "it is tried again" in caplog.text or "it tries again" in caplog.text)
        other.execute("ROLLBACK")
        other.close()
        carrier.note.delay(text="accepted again")
        client = carrier.local.tasks_client()
        await carrier.done.until(lambda: not list(client.list_tasks(parent=QUEUE)))
    assert set(carrier.done) == {"accepted", "accepted again"}


def test_a_disk_that_is_full_for_a_while_is_an_error_for_callers_and_loses_nothing(tmp_path: Path) -> None:
    """In a process that may write no larger files, for a while."""
    command = [sys.executable, "-m", "server.server_full_disk_program", f"sqlite:///{tmp_path}/tasks.db"]
    subprocess.run(command, check=True, cwd=Path(__file__).parent.parent)


def test_a_disk_that_fills_up_refuses_tasks_and_loses_none_of_those_it_accepted(tmp_path: Path) -> None:
    """A real one, for a process with mounts of its own."""
    apart = ["unshare", "--map-root-user", "--mount"]
    mounting = [*apart, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("a disk of one's own cannot be mounted here")
    command = [*apart, sys.executable, "-W", "error", "-m", "server.server_no_space_program", str(tmp_path)]
    subprocess.run(command, check=True, cwd=Path(__file__).parent.parent)


async def test_a_worker_outside_does_not_redirect_into_the_app(caplog: pytest.LogCaptureFixture) -> None:
    """There it would act as the queue itself, with its headers and from this machine."""
    local, app, asked = LocalService("memory:", app_url=URL), FastAPI(), Done()

    @app.post("/admin/delete-everything")
    def admin() -> None:
        asked.append("admin")

    async def redirects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 307 X\r\nLocation: %b/admin/delete-everything\r\n\r\n" % URL.encode())

    local.install(app)
    client = local.tasks_client()
    client.create_queue(PATIENT_QUEUE)
    async with worker([redirects]) as url:
        client.create_task({"parent": QUEUE, "task": {"http_request": {"url": url}}})
        async with serving(app):
            await asked.until(lambda: "attempt 1 failed" in caplog.text)
    assert asked == []
    assert f"failed: redirected into the app, to {URL}/admin/delete-everything: only the app itself" in caplog.text
