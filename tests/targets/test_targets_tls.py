"""Workers behind TLS: which of them are trusted, and what becomes of an attempt where TLS goes wrong."""

import asyncio
import socket
import ssl
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gcptasks.runtime.targets.http import HttpTarget
from targets.targets_certificates import Authority
from targets.targets_workers import NO_CONTENT, Workers, answer_of, answering, outgoing, read_request

DAY = timedelta(days=1)


@pytest.fixture
async def trusting(authority: Authority) -> AsyncIterator[HttpTarget]:
    """A target that trusts the test's authority."""
    made = HttpTarget(verify=authority.client())
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("name", "lasts", "host", "why"),
    [
        ("127.0.0.1", -DAY, "127.0.0.1", "certificate has expired"),
        ("127.0.0.2", DAY, "127.0.0.1", "IP address mismatch, certificate is not valid for '127.0.0.1'."),
        ("worker.test", DAY, "localhost", "Hostname mismatch, certificate is not valid for 'localhost'."),
        ("localhost", DAY, "127.0.0.1", "IP address mismatch, certificate is not valid for '127.0.0.1'."),
    ],
)
async def test_a_certificate_that_is_not_the_workers_own_or_not_valid_any_more(
    worker: Workers, authority: Authority, trusting: HttpTarget, name: str, lasts: timedelta, host: str, why: str
) -> None:
    made = await worker(answering(NO_CONTENT), tls=authority.server(name, lasts=lasts))
    url = made.url.replace("127.0.0.1", host)
    reply = await answer_of(trusting, outgoing(url))
    assert (reply.status, reply.reason) == (0, f"no TLS with {url}: certificate verify failed: {why}")


@pytest.mark.parametrize("host", ["localhost", "localhost."])
async def test_the_worker_is_told_which_host_is_meant(
    worker: Workers, authority: Authority, trusting: HttpTarget, host: str
) -> None:
    """By server name indication, without the dot of a full name, which stands in no certificate."""
    asked: list[str | None] = []
    server = authority.server("localhost")
    server.sni_callback = lambda _, name, __: asked.append(name)
    made = await worker(answering(NO_CONTENT), tls=server)
    assert (await answer_of(trusting, outgoing(made.url.replace("127.0.0.1", host)))).status == 204
    assert asked == ["localhost"]


async def test_a_handshake_that_takes_its_time(authority: Authority, trusting: HttpTarget) -> None:
    """The system accepts the connection at once, and the worker has a look at it later."""

    async def answer(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(NO_CONTENT)
        writer.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        attempt = asyncio.create_task(answer_of(trusting, outgoing(f"https://127.0.0.1:{listening.getsockname()[1]}/")))
        await asyncio.wait([attempt], timeout=0.1)
        assert not attempt.done()
        async with await asyncio.start_server(answer, sock=listening, ssl=authority.server("127.0.0.1")):
            assert (await attempt).status == 204


async def test_a_handshake_without_end(worker: Workers, trusting: HttpTarget) -> None:
    hung_up = asyncio.Event()

    async def trickle(reader: Reader, writer: Writer) -> None:
        writer.write(b"\x16\x03\x03\x40\x00")  # a record of 16 kB
        try:
            while True:
                writer.write(b"\x02")
                await writer.drain()
                await asyncio.sleep(0.001)
        finally:
            hung_up.set()

    url = (await worker(trickle)).url.replace("http:", "https:")
    reply = await answer_of(trusting, outgoing(url, deadline=0.1))
    assert (reply.status, reply.reason) == (504, "no answer within 0.1 s")
    await hung_up.wait()


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        # How a server that speaks nothing newer than TLS 1.0 turns others away, and how one answers that does not.
        (b"\x15\x03\x01\x00\x02\x02\x46", "tlsv1 alert protocol version"),
        (b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" + bytes(32) + b"\x00\x00\x2f\x00", "unsupported protocol"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "wrong version number"),
        (b"", "the connection was closed during the handshake"),
    ],
)
async def test_a_worker_that_speaks_another_tls_or_none(
    worker: Workers, trusting: HttpTarget, hello: bytes, why: str
) -> None:
    async def answer(reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        writer.write(hello)
        await writer.drain()

    url = (await worker(answer)).url.replace("http:", "https:")
    reply = await answer_of(trusting, outgoing(url))
    assert (reply.status, reply.reason) == (0, f"no TLS with {url}: {why}")


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 200, ""),
        (b"HTTP/1.1 200 OK\r\nConte", 0, "the connection was closed before an answer was whole"),
        (b"", 0, "The connection was closed before an answer."),
    ],
)
async def test_a_connection_that_ends_without_a_goodbye(
    worker: Workers, authority: Authority, trusting: HttpTarget, answer: bytes, status: int, why: str
) -> None:
    """TLS has a word for the end, `close_notify`, and many a worker does not say it."""

    async def cut(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(answer)
        writer.transport.abort()

    made = await worker(cut, tls=authority.server("127.0.0.1"))
    reply = await answer_of(trusting, outgoing(made.url))
    assert (reply.status, reply.reason) == (status, why)


async def test_what_is_no_tls_after_the_handshake(worker: Workers, authority: Authority, trusting: HttpTarget) -> None:
    server = authority.server("127.0.0.1")

    async def garbage(reader: Reader, writer: Writer) -> None:
        below = writer.transport
        await writer.start_tls(server)
        await read_request(reader)
        below.write(b"no record at all")
        await reader.read()

    url = (await worker(garbage)).url.replace("http:", "https:")
    reply = await answer_of(trusting, outgoing(url))
    assert (reply.status, reply.reason) == (0, "the TLS connection was closed: wrong version number")


async def test_a_worker_that_wants_a_certificate_of_ours(
    worker: Workers, authority: Authority, trusting: HttpTarget
) -> None:
    """With TLS 1.3 it says so when the handshake is over for us."""
    server = authority.server("127.0.0.1")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(cadata=authority.pem)
    made = await worker(answering(NO_CONTENT), tls=server)
    reply = await answer_of(trusting, outgoing(made.url))
    assert reply.status == 0
    assert "closed" in reply.reason
