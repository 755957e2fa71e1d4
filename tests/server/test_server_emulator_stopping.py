"""The service on a port stops within one limit, whatever is under way."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import grpc
import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, HttpRequest, Task
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from gcptasks.rpc.sieve import PREFACE
from gcptasks.server.emulator import Emulator, emulating
from gcptasks.server.settings import PortSettings
from server.server_apps import QUEUE

GRACE = 1.5
MORE = 2.0
"""Seconds in which what was cut off at the end of the grace is closed."""

HALF_A_HEAD = b"GET /health HTTP/1.1\r\nHost: a\r\n"
HALF_A_BODY = b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf"
EMPTY_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
HALF_A_FRAME = PREFACE + EMPTY_SETTINGS + b"\x00\x10\x00\x01\x04\x00\x00\x00\x01half"


class Worker:
    """Takes every request and answers none."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        self.asked.set()
        await self.let_go.wait()
        writer.close()


@asynccontextmanager
async def hanging() -> AsyncGenerator[Worker]:
    worker = Worker()
    server = await asyncio.start_server(worker.serve, "127.0.0.1", 0)
    worker.port = server.sockets[0].getsockname()[1]
    try:
        yield worker
    finally:
        worker.let_go.set()
        server.close()


async def enqueue(emulator: Emulator, url: str) -> None:
    async with grpc.aio.insecure_channel(emulator.address) as channel:
        client = CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))
        await client.create_task(parent=QUEUE, task=Task(http_request=HttpRequest(url=url)))


async def seconds_to_stop(*half: bytes, attempt: bool) -> float:
    """How long a stop takes with such connections open, and with an attempt under way that nobody answers."""
    loop = asyncio.get_running_loop()
    async with hanging() as worker:
        writers: list[asyncio.StreamWriter] = []
        async with emulating(PortSettings(port=0, grace=GRACE, create_queues=True, queues=(QUEUE,))) as emulator:
            for data in half:
                reader, writer = await asyncio.open_connection("localhost", emulator.port)
                writer.write(data)
                await writer.drain()
                if data.startswith(PREFACE):
                    await reader.read(1)
                writers.append(writer)
            if attempt:
                await enqueue(emulator, f"http://127.0.0.1:{worker.port}/")
                await worker.asked.wait()
            since = loop.time()
        took = loop.time() - since
        for writer in writers:
            writer.close()
    return took


@pytest.mark.parametrize("half", [HALF_A_HEAD, HALF_A_BODY, HALF_A_FRAME], ids=["head", "body", "frame"])
async def test_half_a_request_holds_a_stop_no_longer_than_its_grace(half: bytes) -> None:
    assert await seconds_to_stop(half, attempt=False) < GRACE + MORE


async def test_attempts_and_half_requests_share_the_grace() -> None:
    assert await seconds_to_stop(HALF_A_HEAD, HALF_A_BODY, HALF_A_FRAME, attempt=True) < GRACE + MORE


async def test_with_nothing_under_way_a_stop_takes_no_grace() -> None:
    assert await seconds_to_stop(attempt=False) < GRACE
