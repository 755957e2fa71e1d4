"""The port while its database or its clock is in trouble: callers are told, and nothing is lost."""

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from aiohttp import web
from google.api_core.exceptions import ResourceExhausted, ServiceUnavailable
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, HttpRequest, Queue, Task
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcAsyncIOTransport,
    CloudTasksGrpcTransport,
)

from gcptasks.server.emulator import Emulator, emulating
from gcptasks.server.settings import PortSettings
from gcptasks.store import writer
from runtime.runtime_doubles import ManualClock

PATIENCE = 30
PARENT = "projects/p/locations/l"
QUEUE = f"{PARENT}/queues/q"
HOUR = timedelta(hours=1)


@asynccontextmanager
async def calling(address: str) -> AsyncGenerator[CloudTasksAsyncClient]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))


async def posted(emulator: Emulator, path: str, body: Any) -> tuple[int, Any]:
    """The status and the JSON of a response over REST."""
    async with (
        aiohttp.ClientSession(f"http://{emulator.address}") as session,
        session.post(path, json=body) as response,
    ):
        return response.status, await response.json()


def task(url: str = "http://localhost:1/", body: bytes = b"", **fields: Any) -> Task:
    return Task(http_request=HttpRequest(url=url, body=body), **fields)


async def test_a_database_that_another_program_locks_is_unavailable_over_grpc_and_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PATIENCE", 0.05)
    settings = PortSettings(port=0, host="127.0.0.1", database=str(tmp_path / "tasks.db"))
    async with emulating(settings) as emulator, calling(emulator.address) as client:
        await client.create_queue(parent=PARENT, queue=Queue(name=QUEUE))
        await client.pause_queue(name=QUEUE)
        accepted = await client.create_task(parent=QUEUE, task=task())
        with closing(sqlite3.connect(tmp_path / "tasks.db", isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(ServiceUnavailable, match="the database is locked by another process"):
                await client.create_task(parent=QUEUE, task=task(name=f"{QUEUE}/tasks/refused"), retry=None)
            status, said = await posted(emulator, f"/v2/{QUEUE}/tasks", {"task": {"httpRequest": {"url": "http://a"}}})
            assert (status, said["error"]["status"]) == (503, "UNAVAILABLE")
            assert "locked by another process" in said["error"]["message"]
            # Who reads is answered meanwhile.
            assert (await client.get_task(name=accepted.name)).name == accepted.name
            other.execute("ROLLBACK")
        again = await client.create_task(parent=QUEUE, task=task(name=f"{QUEUE}/tasks/refused"))
        pager = await client.list_tasks(parent=QUEUE)
        assert {found.name async for found in pager} == {accepted.name, again.name}


@contextmanager
def small_disk(folder: Path) -> Generator[str]:
    """The address of a service whose database is on a disk of 2 MiB."""
    apart = ["unshare", "--map-root-user", "--mount"]
    mount = "mount -t tmpfs -o size=2m tmpfs"
    if (
        shutil.which("unshare") is None
        or subprocess.run([*apart, *mount.split(), folder], capture_output=True).returncode
    ):
        pytest.skip("a disk of one's own cannot be mounted here")
    serve = f"{sys.executable} -c 'from gcptasks.cli.main import emulator; emulator()' --port 0 --host 127.0.0.1"
    command = [*apart, "sh", "-c", f"{mount} {folder} && exec {serve} --db {folder}/tasks.db"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        found = re.search(r" serve at (\S+),", said)
        assert found, said
        yield found[1]
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
def test_a_full_disk_is_told_to_callers_of_the_port_and_nothing_that_was_accepted_is_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path) as address, grpc.insecure_channel(address) as channel:
        client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        client.create_queue(parent=PARENT, queue=Queue(name=QUEUE))
        client.pause_queue(name=QUEUE)
        accepted: list[str] = []
        with pytest.raises(ResourceExhausted):
            # One by one, so that those before the refusal are known.
            accepted.extend(client.create_task(parent=QUEUE, task=task(body=b"x" * 90_000)).name for _ in range(100))
        assert accepted
        assert sorted(found.name for found in client.list_tasks(parent=QUEUE)) == sorted(accepted)


async def test_a_clock_that_is_set_back_or_forward_loses_no_task_and_sends_none_early_or_twice() -> None:
    came: asyncio.Queue[str] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        came.put_nowait(request.path)
        return web.Response()

    clock = ManualClock()
    app = web.Application()
    app.router.add_route("*", "/{name}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    worker = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with (
            emulating(PortSettings(port=0, host="127.0.0.1", database="memory:"), clock=clock) as emulator,
            calling(emulator.address) as client,
        ):
            await client.create_queue(parent=PARENT, queue=Queue(name=QUEUE))

            async def create(name: str, at: datetime | None = None) -> None:
                await client.create_task(parent=QUEUE, task=task(f"{worker}/{name}", schedule_time=at))

            begun = clock.now()
            await create("later", begun + HOUR)
            clock.set(-HOUR)
            await create("now")
            assert await asyncio.wait_for(came.get(), PATIENCE) == "/now"
            clock.set(HOUR + HOUR / 2)
            await create("then")
            assert await asyncio.wait_for(came.get(), PATIENCE) == "/then"
            clock.set(24 * HOUR)
            assert await asyncio.wait_for(came.get(), PATIENCE) == "/later"
            await create("last")
            assert await asyncio.wait_for(came.get(), PATIENCE) == "/last"
            assert came.empty()
    finally:
        await runner.cleanup()
