"""One port: binding it, sharing it between gRPC and HTTP/1.1, and leaving it."""

import asyncio
import contextlib
import logging
import socket
import struct
from datetime import timedelta

import aiohttp
import grpc
import pytest
from aiohttp import web
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, SettingsAcknowledged
from hyperframe.frame import RstStreamFrame

from gcptasks import __version__
from gcptasks.base.errors import PortInUse, SetupError
from gcptasks.rpc.listener import Listener
from gcptasks.web.app import make_app
from gcptasks.web.http1 import protocol_factory
from rpc.rpc_clients import Connect, Listen, RawClient, calling, echo

SOON = timedelta(milliseconds=50)
LATER = timedelta(seconds=30)


async def goodbye(client: RawClient) -> ConnectionTerminated:
    ended = await client.until(ConnectionTerminated)
    assert isinstance(ended, ConnectionTerminated)
    return ended


async def fetch(listener: Listener, path: str, method: str = "GET") -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://{listener.host}:{listener.port}{path}") as response,
    ):
        return response.status, await response.text()


async def test_health_is_served_over_http1_beside_grpc(listen: Listen, connect: Connect) -> None:
    listener = await listen()
    client = await connect(listener)
    client.greet()
    stream = client.call()
    assert await fetch(listener, "/health") == (
        200,
        f'{{"status": "ok", "version": "{__version__}", "delivers": true}}',
    )
    assert (await client.response(stream))[0]["grpc-status"] == "0"


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/v2/nothing"), ("POST", "/health")])
async def test_an_unmapped_path_says_what_is_served(listen: Listen, method: str, path: str) -> None:
    """CT-L14."""
    status, text = await fetch(await listen(), path, method)
    assert status == 404
    assert f"nothing at {method} {path}" in text
    assert "GET /health" in text


async def test_one_http1_connection_takes_many_requests(listen: Listen) -> None:
    listener = await listen()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        for _ in range(3):
            async with session.get(f"http://127.0.0.1:{listener.port}/health") as response:
                assert response.status == 200


async def test_an_http1_request_may_come_byte_by_byte(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    for byte in b"PUT /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
        client.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await client.rest()).startswith(b"HTTP/1.1 404")


async def test_http1_garbage_is_a_bad_request(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.send(b"what is this?\r\n\r\n")
    assert (await client.rest()).startswith(b"HTTP/1.0 400")


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, id="TLS"),
        pytest.param(b"GET /health HTTP/9\r\n\r\n", id="version"),
        pytest.param(b"PRI * HTTP\x92", id="almost HTTP/2"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: x\r\nno header\r\n\r\n", id="header"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", id="chunk"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + b"what is this?\r\n\r\n", id="second request"),
    ],
)
async def test_http1_garbage_is_no_error_in_the_log(
    listen: Listen, connect: Connect, caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    client = await connect(await listen())
    client.send(garbage)
    client.writer.write_eof()
    await client.rest()
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG] == []


async def test_http1_headers_over_the_limit_are_refused(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.send(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Large: " + b"x" * 100_000)
    assert (await client.rest()).startswith(b"HTTP/1.0 400")


async def test_leaving_the_web_lets_its_requests_finish() -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        started.set()
        await go.wait()
        return web.Response(text="done")

    app = make_app([web.get("/slow", slow)], services={})
    async with contextlib.AsyncExitStack() as stack:
        factory = await stack.enter_async_context(protocol_factory(app, grace=lambda: LATER))
        listener = await Listener.start("127.0.0.1", 0, echo, factory)
        asked = asyncio.ensure_future(fetch(listener, "/slow"))
        await started.wait()
        await listener.stop(SOON)
        asyncio.get_running_loop().call_soon(go.set)
    assert await asked == (200, "done")


def is_ours(family: int, host: str) -> bool:
    with contextlib.suppress(OSError), socket.create_server((host, 0), family=family):
        return True
    return False


async def test_localhost_has_one_port_on_all_its_addresses() -> None:
    found = await asyncio.get_running_loop().getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
    addresses = [str(address[0]) for family, _, _, _, address in found if is_ours(family, str(address[0]))]
    listener = await Listener.start("localhost", 0, echo, asyncio.Protocol)
    assert listener.host == "localhost"
    assert addresses
    for address in addresses:
        _, writer = await asyncio.open_connection(address, listener.port)
        writer.close()
    await listener.stop(SOON)


async def test_a_port_in_use_is_told_with_what_to_do(listen: Listen) -> None:
    taken = await listen()
    with pytest.raises(PortInUse) as raised:
        await Listener.start("127.0.0.1", taken.port, echo, asyncio.Protocol)
    assert str(raised.value) == (
        f"cannot listen on 127.0.0.1:{taken.port}: the port is in use. Stop the program that listens there, "
        "or choose another port"
    )
    assert (await fetch(taken, "/health"))[0] == 200


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
async def test_a_host_that_is_not_ours_is_told(host: str) -> None:
    with pytest.raises(SetupError, match=f"cannot listen on {host}:0: .*another host"):
        await Listener.start(host, 0, echo, asyncio.Protocol)


async def test_a_call_under_way_is_answered_before_the_listener_has_stopped(listen: Listen, connect: Connect) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def slow(method: str, message: bytes) -> bytes:
        started.set()
        await go.wait()
        return message

    listener = await listen(slow)
    client = await connect(listener)
    client.greet()
    stream = client.call(b"first")
    await started.wait()
    stopping = asyncio.ensure_future(listener.stop(LATER))
    ended = await goodbye(client)
    assert ended.last_stream_id == stream
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(listener.host, listener.port)
    assert not stopping.done()
    go.set()
    # h2 as a client hears nothing after a GOAWAY, so look at the bytes.
    assert b"first" in await client.rest()
    await stopping


async def test_grpcs_own_client_gets_its_answer_while_the_listener_stops(listen: Listen) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def slow(method: str, message: bytes) -> bytes:
        started.set()
        await go.wait()
        return message

    listener = await listen(slow)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{listener.port}") as channel:
        call = calling(channel)(b"hello")
        answered = asyncio.ensure_future(call.code())
        await started.wait()
        stopping = asyncio.ensure_future(listener.stop(LATER))
        await asyncio.sleep(0)
        go.set()
        assert await answered is grpc.StatusCode.OK
        await stopping


async def test_a_call_that_outlasts_the_grace_is_cancelled_and_told(listen: Listen) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def never(method: str, message: bytes) -> bytes:
        started.set()
        try:
            return await asyncio.Future()
        finally:
            cancelled.set()

    listener = await listen(never)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{listener.port}") as channel:
        call = calling(channel)(b"hello")
        ended = asyncio.ensure_future(call.code())
        await started.wait()
        await listener.stop(SOON)
        assert cancelled.is_set()
        assert await ended is grpc.StatusCode.UNAVAILABLE
        assert await call.details() == "The service is stopping."


async def test_a_call_that_comes_after_goodbye_is_refused(listen: Listen, connect: Connect) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def slow(method: str, message: bytes) -> bytes:
        started.set()
        await go.wait()
        return message

    listener = await listen(slow)
    client = await connect(listener)
    client.greet()
    client.call()
    await started.wait()
    # Made before GOAWAY comes, after which h2 as a client refuses to; sent after it.
    late = client.unsent_call()
    stopping = asyncio.ensure_future(listener.stop(LATER))
    await goodbye(client)
    client.send(late)
    refused = RstStreamFrame(3, ErrorCodes.REFUSED_STREAM).serialize()
    data = b""
    while refused not in data:
        data += await client.reader.read(100)
    go.set()
    await stopping


async def test_stopping_twice_at_once_or_with_nothing_open_is_fine(listen: Listen, connect: Connect) -> None:
    listener = await listen()
    silent = await connect(listener)
    await listener.stop(LATER)
    await asyncio.gather(listener.stop(LATER), listener.stop(LATER))
    await silent.rest()


async def test_a_client_that_resets_while_we_say_goodbye_is_no_error(listen: Listen, connect: Connect) -> None:
    listener = await listen()
    client = await connect(listener)
    client.greet()
    await client.until(SettingsAcknowledged)
    (connection,) = listener._connections
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()
    await asyncio.sleep(0)  # the socket is closed, with a reset that our event loop has not seen
    connection.close()
    await connection.closed
