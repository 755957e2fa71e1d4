"""Bodies over HTTP/1.1: how large they may be, how they may come, and what memory they may take together."""

import asyncio
import contextlib
import gzip
import json
import logging
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from gcptasks.base.budget import Budget, Share
from gcptasks.base.events import Events
from gcptasks.rpc.limits import ListenerLimits
from gcptasks.rpc.listener import Listener
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.web.app import make_app
from gcptasks.web.exchange import BodyLimits
from gcptasks.web.http1 import protocol_factory
from gcptasks.web.rest import rest_routes
from gcptasks.wire.cloud_tasks.messages import CreateQueueRequest, Queue
from gcptasks.wire.cloud_tasks.names import SERVICE
from rpc.rpc_clients import echo
from runtime.runtime_doubles import ManualClock
from web.web_clients import LOCATION, QUEUE, Rest, head, read_response

MIB = 1024 * 1024
SHORT = timedelta(milliseconds=200)
LONG = timedelta(seconds=30)
PATH = f"/v2/{QUEUE}/tasks"
NAMED = "Content-Type: application/json"
FULL = "The service holds as many bytes of requests and responses as it may."


def task_of(size: int) -> bytes:
    """A request for a task with so many bytes in all."""
    text = json.dumps({"task": {"httpRequest": {"url": "http://localhost/", "body": ""}}})
    return text.replace('"body": ""', f'"body": "{"A" * ((size - len(text)) // 4 * 4)}"').encode().ljust(size)


@pytest.mark.parametrize("how", ["length", "chunked", "gzip"])
async def test_a_large_body_arrives_however_it_is_sent(rest: Rest, how: str) -> None:
    await rest.queue()
    body = task_of(MIB)
    async with rest.connected() as (reader, writer):
        if how == "chunked":
            writer.write(head("POST", PATH, NAMED, "Transfer-Encoding: chunked"))
            for start in range(0, len(body), 100_000):
                piece = body[start : start + 100_000]
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            writer.write(b"0\r\n\r\n")
        else:
            sent = gzip.compress(body) if how == "gzip" else body
            encoding = ["Content-Encoding: gzip"] if how == "gzip" else []
            writer.write(head("POST", PATH, NAMED, f"Content-Length: {len(sent)}", *encoding) + sent)
        status, answered = await read_response(reader)
        assert (status, json.loads(answered).get("view")) == (200, "BASIC")


@pytest.mark.parametrize("how", ["length", "chunked", "gzip"])
async def test_a_body_over_the_limit_is_refused_as_google_refuses_it(rest: Rest, how: str) -> None:
    """A gRPC request may have no more either."""
    body = b" " * (4 * MIB + 1)
    async with rest.connected() as (reader, writer):
        match how:
            case "length":
                writer.write(head("POST", PATH, NAMED, f"Content-Length: {len(body)}"))
            case "chunked":
                writer.write(head("POST", PATH, NAMED, "Transfer-Encoding: chunked"))
                writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            case _:
                packed = gzip.compress(body)
                lines = (NAMED, f"Content-Length: {len(packed)}", "Content-Encoding: gzip")
                writer.write(head("POST", PATH, *lines) + packed)
        status, answered = await read_response(reader)
    assert status == 400
    assert json.loads(answered)["error"]["message"] == "Request payload size exceeds the limit: 4194304 bytes."


async def test_a_broken_body_is_the_callers_fault_and_ends_the_connection(
    rest: Rest, caplog: pytest.LogCaptureFixture
) -> None:
    async with rest.connected() as (reader, writer):
        writer.write(head("POST", PATH, NAMED, "Content-Encoding: gzip", "Content-Length: 4") + b"abcd")
        status, answered = await read_response(reader)
        assert status == 400
        assert json.loads(answered)["error"]["message"].startswith("The body of the request is broken: ")
        assert await asyncio.wait_for(reader.read(), 30) == b""
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_client_that_is_gone_in_the_middle_is_no_error(rest: Rest, caplog: pytest.LogCaptureFixture) -> None:
    for reset in (True, False):
        async with rest.connected() as (_, writer):
            writer.write(head("POST", PATH, NAMED, "Content-Length: 1000") + b"{")
            await rest.ask("GET", "/health")
            if reset:
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await rest.ask("GET", "/health")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_requests_follow_each_other_on_one_connection(rest: Rest) -> None:
    """Also before the one before is answered."""
    await rest.queue()
    body = task_of(200)
    request = head("POST", PATH, NAMED, f"Content-Length: {len(body)}") + body
    async with rest.connected() as (reader, writer):
        writer.write(request * 20 + head("GET", f"{PATH}?pageSize=1000"))
        for _ in range(20):
            assert (await read_response(reader))[0] == 200
        assert len(json.loads((await read_response(reader))[1])["tasks"]) == 20


async def test_a_refused_request_does_not_end_the_connection(rest: Rest) -> None:
    body = b'{"bogus": 1}'
    request = head("POST", PATH, NAMED, f"Content-Length: {len(body)}") + body
    async with rest.connected() as (reader, writer):
        writer.write(request + request + head("GET", "/v2/bogus") + head("GET", "/health"))
        assert [(await read_response(reader))[0] for _ in range(4)] == [400, 400, 404, 200]


async def test_a_call_has_as_long_as_its_client_says(rest: Rest) -> None:
    answer = await rest.ask("GET", f"/v2/{LOCATION}", X_Server_Timeout="20.5")
    assert answer.status == 200
    for wrong in ("x", "-1", "nan", "inf", ""):
        answer = await rest.ask("GET", f"/v2/{LOCATION}", X_Server_Timeout=wrong)
        assert (answer.status, answer.message) == (400, "X-Server-Timeout must be a number of seconds.")


class Slow(Calls):
    """Calls that are answered once somebody says so."""

    def __init__(self) -> None:
        super().__init__(Store(parse_database("memory:"), Events()), ManualClock(), Policy())
        self.go = asyncio.Event()
        self.go.set()

    async def call(self, path: str, request: Any) -> Any:
        await self.go.wait()
        return await super().call(path, request)


class Serving:
    """A listener with small limits."""

    def __init__(self, listener: Listener, calls: Slow, budget: Budget) -> None:
        self.listener = listener
        self.calls = calls
        self.budget = budget

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.listener.port)

    async def fill(self, tasks: int) -> None:
        """Make a queue with so many large tasks."""
        await self.calls.call(f"/{SERVICE}/CreateQueue", CreateQueueRequest(parent=LOCATION, queue=Queue(name=QUEUE)))
        reader, writer = await self.connect()
        body = task_of(900_000)
        for _ in range(tasks):
            writer.write(head("POST", PATH, NAMED, f"Content-Length: {len(body)}") + body)
            assert (await read_response(reader))[0] == 200
        writer.close()
        while self.budget.held:
            await asyncio.sleep(0)


@asynccontextmanager
async def serving(
    *, memory: int = 64 * MIB, memory_within: timedelta = LONG, transfer: timedelta = LONG
) -> AsyncGenerator[Serving]:
    limits = ListenerLimits(memory=memory)
    budget = limits.budget()
    calls = Slow()
    bodies = BodyLimits(request=limits.message, memory_within=memory_within, transfer=transfer)
    app: web.Application = make_app(rest_routes(calls, budget, bodies), services={})
    async with protocol_factory(app, grace=lambda: timedelta(0)) as factory:
        listener = await Listener.start("127.0.0.1", 0, echo, factory, limits, budget=budget)
        try:
            yield Serving(listener, calls, budget)
        finally:
            await listener.stop(timedelta(0))


async def test_a_request_that_does_not_arrive_is_given_up() -> None:
    async with serving(transfer=SHORT) as server:
        reader, writer = await server.connect()
        writer.write(head("POST", PATH, NAMED, "Content-Length: 10") + b"{")
        status, answered = await read_response(reader)
        assert (status, json.loads(answered)["error"]["message"]) == (504, "The request did not arrive in time.")
        assert await asyncio.wait_for(reader.read(), 30) == b""
        assert server.budget.held == 0
        writer.close()


async def test_a_call_that_takes_longer_than_its_client_waits_is_given_up() -> None:
    async with serving() as server:
        server.calls.go.clear()
        reader, writer = await server.connect()
        writer.write(head("GET", f"/v2/{LOCATION}", "X-Server-Timeout: 0.05"))
        status, answered = await read_response(reader)
        assert (status, json.loads(answered)["error"]["status"]) == (504, "DEADLINE_EXCEEDED")
        writer.close()


async def test_large_bodies_wait_for_memory_and_small_ones_do_not() -> None:
    """The memory is that of all connections, those of gRPC included."""
    async with serving(memory=13 * MIB) as server:
        server.calls.go.clear()
        clients = [await server.connect() for _ in range(30)]
        large = task_of(MIB)
        for _, writer in clients:
            writer.write(head("POST", PATH, NAMED, f"Content-Length: {len(large)}") + large)
        reader, writer = await server.connect()
        small = task_of(1000)
        writer.write(head("POST", PATH, NAMED, f"Content-Length: {len(small)}") + small)
        await asyncio.sleep(0.2)  # the rest of all bodies may come now
        assert MIB < server.budget.held < 13 * MIB
        server.calls.go.set()
        assert (await read_response(reader))[0] == 404
        for one, _ in clients:
            assert (await read_response(one))[0] == 404
        for waiting in (writer, *(other for _, other in clients)):
            waiting.close()
        assert server.budget.held == 0


async def test_who_waits_too_long_for_memory_is_refused() -> None:
    async with serving(memory=5 * MIB, memory_within=SHORT) as server:
        server.calls.go.clear()
        body = task_of(3 * MIB)
        request = head("POST", PATH, NAMED, f"Content-Length: {len(body)}") + body
        first, one = await server.connect()
        one.write(request)
        while server.budget.held == 0:
            await asyncio.sleep(0)
        second, other = await server.connect()
        other.write(request)
        status, answered = await read_response(second)
        assert (status, json.loads(answered)["error"]) == (
            429,
            {"code": 429, "message": FULL, "status": "RESOURCE_EXHAUSTED"},
        )
        server.calls.go.set()
        assert (await read_response(first))[0] == 404
        one.close()
        other.close()


async def test_a_large_response_for_which_there_is_no_memory_is_refused() -> None:
    async with serving() as server:
        await server.fill(tasks=1)
        others = Share(server.budget)
        others.grant(server.budget.size)
        reader, writer = await server.connect()
        writer.write(head("GET", f"{PATH}?responseView=FULL") + head("GET", PATH))
        status, answered = await read_response(reader)
        assert (status, json.loads(answered)["error"]["message"]) == (429, FULL)
        assert (await read_response(reader))[0] == 200
        others.grant(-server.budget.size)
        writer.write(head("GET", f"{PATH}?responseView=FULL"))
        assert (await read_response(reader))[0] == 200
        writer.close()


async def test_who_does_not_read_a_large_response_has_to_go() -> None:
    async with serving(transfer=timedelta(seconds=1)) as server:
        await server.fill(tasks=4)
        reader, writer = await server.connect()
        writer.write(head("GET", f"{PATH}?responseView=FULL") * 50)
        while not server.budget.held:
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            while server.budget.held:
                await asyncio.sleep(0.01)
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := await asyncio.wait_for(reader.read(MIB), 30):
                received += len(data)
        assert received < 50 * MIB
        writer.close()
