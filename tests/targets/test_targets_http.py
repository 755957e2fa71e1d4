"""What becomes of an attempt over HTTP, whatever the worker does."""

import asyncio
import socket
import ssl
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from gcptasks.runtime.targets.http import HttpTarget
from gcptasks.runtime.targets.pool import PoolLimits
from targets.targets_workers import NO_CONTENT, Workers, answer_of, answering, outgoing, read_request


@pytest.mark.parametrize("status", [200, 201, 204, 299, 304, 301, 404, 429, 500, 503, 599])
async def test_the_status_of_the_answer_is_the_outcome(worker: Workers, target: HttpTarget, status: int) -> None:
    """CT-176, CT-177."""
    made = await worker(answering(b"HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n" % status))
    answer = await answer_of(target, outgoing(made.url))
    assert (answer.status, answer.reason) == (status, "")
    assert answer.ok is (200 <= status < 300)


class TestNoUsableAnswer:
    """CT-313: status 0, and a reason that people understand."""

    async def test_a_worker_that_is_down(self, target: HttpTarget) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
        answer = await answer_of(target, outgoing(f"http://127.0.0.1:{port}/x"))
        assert (answer.status, answer.reason) == (0, f"connection refused by http://127.0.0.1:{port}")

    async def test_a_name_with_several_addresses_that_are_all_down(self, target: HttpTarget) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
        answer = await answer_of(target, outgoing(f"http://localhost:{port}/x"))
        assert (answer.status, answer.reason) == (0, f"connection refused by http://localhost:{port}")

    async def test_a_name_that_does_not_resolve(self, target: HttpTarget) -> None:
        answer = await answer_of(target, outgoing("http://worker.invalid/x"))
        assert answer.status == 0
        assert answer.reason.startswith("the host worker.invalid cannot be found")

    async def test_a_connection_closed_without_an_answer(self, worker: Workers, target: HttpTarget) -> None:
        async def close(reader: Reader, writer: Writer) -> None:
            await read_request(reader)

        made = await worker(close)
        answer = await answer_of(target, outgoing(made.url))
        assert (answer.status, answer.reason) == (0, "The connection was closed before an answer.")
        assert made.connections == 1, "a fresh connection is not stale, so nothing is sent again"

    async def test_a_connection_closed_in_the_middle_of_the_headers(self, worker: Workers, target: HttpTarget) -> None:
        async def half(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-")

        answer = await answer_of(target, outgoing((await worker(half)).url))
        assert (answer.status, answer.reason) == (0, "the connection was closed before an answer was whole")

    @pytest.mark.parametrize(
        "garbage",
        [
            b"\x00\xff\x00\xff" * 9,
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"HTTP/1.1 banana\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n:x\r\n\r\n",
        ],
    )
    async def test_garbage(self, worker: Workers, target: HttpTarget, garbage: bytes) -> None:
        answer = await answer_of(target, outgoing((await worker(answering(garbage))).url))
        assert answer.status == 0
        assert answer.reason.startswith("not an HTTP answer: ")

    @pytest.mark.parametrize(
        ("start", "more"),
        [
            (b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"),
            (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 1000),
            (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        ],
    )
    async def test_headers_without_end(self, worker: Workers, target: HttpTarget, start: bytes, more: bytes) -> None:
        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(start)
            while True:
                writer.write(more * 100)
                await writer.drain()

        answer = await answer_of(target, outgoing((await worker(script)).url))
        assert (answer.status, answer.reason) == (0, "not an HTTP answer: more than 262144 bytes of headers")

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            pytest.param("http://127.0.0.1:9/%zz", "broken percent escape", id="CT-095"),
            pytest.param("http://127.0.0.1:9/?a=100%", "broken percent escape", id="CT-095-query"),
            ("http:///path", "no valid host name"),
            ("http://a..b/", "no valid host name"),
            ("http://a b/", "no valid host name"),
            ("http://ho\r\nst/", "no valid host name"),
            ("http://[::zz]/", "no valid IPv6 address"),
            ("http://h:99999/", "no valid port"),
            ("http://h:x/", "no valid port"),
            ("ftp://h/", "does not start with http:// or https://"),
        ],
    )
    async def test_a_url_that_leads_nowhere(self, target: HttpTarget, url: str, why: str) -> None:
        answer = await answer_of(target, outgoing(url))
        assert answer.status == 0
        assert why in answer.reason


class TestDeadline:
    """CT-179, CT-312: 504, and the connection is closed."""

    async def test_a_worker_that_hangs(self, worker: Workers, target: HttpTarget) -> None:
        hung_up = asyncio.Event()

        async def hang(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            await reader.read()
            hung_up.set()

        answer = await answer_of(target, outgoing((await worker(hang)).url, deadline=0.05))
        assert (answer.status, answer.reason) == (504, "no answer within 0.05 s")
        await hung_up.wait()

    async def test_a_worker_that_never_finishes_its_headers(self, worker: Workers, target: HttpTarget) -> None:
        async def trickle(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            for byte in b"HTTP/1.1 200 OK":
                writer.write(bytes([byte]))
                await writer.drain()
            await reader.read()

        answer = await answer_of(target, outgoing((await worker(trickle)).url, deadline=0.05))
        assert answer.status == 504

    async def test_a_worker_that_accepts_and_never_shakes_hands(self, worker: Workers, target: HttpTarget) -> None:
        async def silent(reader: Reader, writer: Writer) -> None:
            await reader.read()
            await reader.read()

        url = (await worker(silent)).url.replace("http:", "https:")
        answer = await answer_of(target, outgoing(url, deadline=0.05))
        assert (answer.status, answer.reason) == (504, "no answer within 0.05 s")

    async def test_a_body_that_trickles_past_it_does_not_undo_the_status(
        self, worker: Workers, target: HttpTarget
    ) -> None:
        """CT-181: the body is thrown away."""
        hung_up = asyncio.Event()

        async def trickle(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
            await reader.read()
            hung_up.set()

        answer = await answer_of(target, outgoing((await worker(trickle)).url, deadline=0.05))
        assert answer.status == 200
        await hung_up.wait()

    async def test_cancelling_closes_the_connection(self, worker: Workers, target: HttpTarget) -> None:
        asked, hung_up = asyncio.Event(), asyncio.Event()

        async def hang(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            asked.set()
            await reader.read()
            hung_up.set()

        attempt = asyncio.create_task(answer_of(target, outgoing((await worker(hang)).url)))
        await asked.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await hung_up.wait()


class TestBodies:
    """CT-181: read and thrown away, and the connection serves again."""

    @pytest.mark.parametrize("size", [0, 1, 65_536, 10_000_000])
    @pytest.mark.parametrize("chunked", [False, True])
    async def test_a_body_is_drained(self, worker: Workers, target: HttpTarget, size: int, chunked: bool) -> None:
        async def script(reader: Reader, writer: Writer) -> None:
            while True:
                await read_request(reader)
                if chunked:
                    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    for start in range(0, size, 65_536):
                        piece = b"x" * min(65_536, size - start)
                        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    writer.write(b"0\r\nX-Trailer: 1\r\n\r\n")
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
                await writer.drain()

        made = await worker(script)
        assert [(await answer_of(target, outgoing(made.url))).status for _ in range(3)] == [200, 200, 200]
        assert made.connections == 1

    @pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"])
    async def test_a_body_without_end_is_cut(self, worker: Workers, framing: bytes) -> None:
        async def endless(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 201 Created\r\n" + framing)
            while True:
                writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
                await writer.drain()

        made = await worker(endless)
        target = HttpTarget(limits=PoolLimits(body_bytes=1_000_000))
        assert (await answer_of(target, outgoing(made.url))).status == 201
        assert (await answer_of(target, outgoing(made.url))).status == 201
        assert made.connections == 2
        await target.close()

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
            b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        ],
    )
    async def test_a_body_cut_half_way_does_not_undo_the_status(
        self, worker: Workers, target: HttpTarget, answer: bytes
    ) -> None:
        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(answer)

        assert (await answer_of(target, outgoing((await worker(script)).url))).status == 200


class TestConnections:
    async def test_one_serves_again_and_again(self, worker: Workers, target: HttpTarget) -> None:
        made = await worker(answering(NO_CONTENT))
        for _ in range(20):
            assert (await answer_of(target, outgoing(made.url))).status == 204
        assert made.connections == 1

    async def test_one_sends_what_it_has_without_waiting_for_more(self, worker: Workers, target: HttpTarget) -> None:
        """Else the end of a longer body might wait for the worker to acknowledge its beginning, for 40 ms."""
        made = await worker(answering(NO_CONTENT))
        await answer_of(target, outgoing(made.url))
        [connection] = target._pool._open
        assert connection._transport is not None
        sock = connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    async def test_as_many_as_are_needed_at_once(self, worker: Workers, target: HttpTarget) -> None:
        all_here = asyncio.Barrier(5)

        async def together(reader: Reader, writer: Writer) -> None:
            while True:
                await read_request(reader)
                await all_here.wait()
                writer.write(NO_CONTENT)

        made = await worker(together)
        for _ in range(3):
            await asyncio.gather(*(answer_of(target, outgoing(made.url)) for _ in range(5)))
        assert made.connections == 5

    @pytest.mark.parametrize(
        "last",
        [
            b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            NO_CONTENT + b"HTTP/1.1 500 Unasked\r\nContent-Length: 0\r\n\r\n",
            NO_CONTENT + b"garbage",
        ],
    )
    async def test_one_that_ended_or_said_too_much_is_not_used_again(
        self, worker: Workers, target: HttpTarget, last: bytes
    ) -> None:
        made = await worker(answering(last))
        for _ in range(2):
            assert (await answer_of(target, outgoing(made.url))).ok
        assert made.connections == 2

    async def test_one_gone_stale_does_not_fail_an_attempt(self, worker: Workers, target: HttpTarget) -> None:
        """The worker closes without an answer what it has answered on before: the request goes out afresh."""

        async def once(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(NO_CONTENT)
            await reader.readexactly(1)

        made = await worker(once)
        assert [(await answer_of(target, outgoing(made.url))).status for _ in range(3)] == [204, 204, 204]
        assert made.connections == 3

    async def test_one_that_dies_late_died_at_work(self, worker: Workers) -> None:
        """A crash in the middle of a task is a failed attempt, for the retry rule to judge (max_attempts=1)."""

        async def once(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(NO_CONTENT)
            await read_request(reader)

        made = await worker(once)
        target = HttpTarget(limits=PoolLimits(stale_within=timedelta()))
        assert (await answer_of(target, outgoing(made.url))).status == 204
        answer = await answer_of(target, outgoing(made.url))
        assert (answer.status, answer.reason) == (0, "The connection was closed before an answer.")
        assert made.connections == 1
        await target.close()

    async def test_one_that_closed_while_idle_is_passed_over(self, worker: Workers, target: HttpTarget) -> None:
        closed = asyncio.Event()

        async def once(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(NO_CONTENT)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            closed.set()

        made = await worker(once)
        for _ in range(3):
            closed.clear()
            assert (await answer_of(target, outgoing(made.url))).status == 204
            await closed.wait()
        assert made.connections == 3

    async def test_one_that_answered_before_it_was_told_all_is_not_used_again(
        self, worker: Workers, target: HttpTarget
    ) -> None:
        async def hasty(reader: Reader, writer: Writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Long\r\nContent-Length: 0\r\n\r\n")
            await reader.read()

        made = await worker(hasty)
        for _ in range(2):
            assert (await answer_of(target, outgoing(made.url, body=b"x" * 20_000_000))).status == 413
        assert made.connections == 2

    async def test_no_more_than_the_limit_are_kept(self, worker: Workers) -> None:
        both = asyncio.Barrier(2)
        hung_up = asyncio.Event()

        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            await both.wait()
            writer.write(NO_CONTENT)
            await reader.read()
            hung_up.set()

        made = await worker(script)
        target = HttpTarget(limits=PoolLimits(idle_connections=1))
        await asyncio.gather(*(answer_of(target, outgoing(made.url)) for _ in range(2)))
        await hung_up.wait()
        assert len(made.open) == 1
        await target.close()

    async def test_idle_ones_are_closed_after_a_while(self, worker: Workers) -> None:
        hung_up = asyncio.Event()

        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(NO_CONTENT)
            await reader.read()
            hung_up.set()

        made = await worker(script)
        target = HttpTarget(limits=PoolLimits(idle_time=timedelta(milliseconds=20)))
        await answer_of(target, outgoing(made.url))
        await hung_up.wait()
        await target.close()

    async def test_closing_closes_them_all_and_may_be_done_twice(self, worker: Workers) -> None:
        hung_up = asyncio.Event()

        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(NO_CONTENT)
            await reader.read()
            hung_up.set()

        target = HttpTarget()
        await answer_of(target, outgoing((await worker(script)).url))
        await target.close()
        await hung_up.wait()
        await target.close()


class TestAnswers:
    @pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints\r\nLocation: /hint"])
    async def test_interim_ones_are_passed_over(self, worker: Workers, target: HttpTarget, interim: bytes) -> None:
        made = await worker(answering(b"HTTP/1.1 %b\r\n\r\n" % interim * 3 + NO_CONTENT))
        for _ in range(2):
            answer = await answer_of(target, outgoing(made.url))
            assert (answer.status, answer.location) == (204, None)
        assert made.connections == 1

    @pytest.mark.parametrize("status", [101, 200])
    async def test_an_upgrade_is_not_followed(self, worker: Workers, target: HttpTarget, status: int) -> None:
        upgrade = b"HTTP/1.1 %d X\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok" % status
        made = await worker(answering(upgrade))
        assert (await answer_of(target, outgoing(made.url))).status == status

    async def test_a_head_request_waits_for_no_body(self, worker: Workers, target: HttpTarget) -> None:
        made = await worker(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"))
        for _ in range(2):
            assert (await answer_of(target, outgoing(made.url, method="HEAD"))).status == 200

    @pytest.mark.parametrize(
        ("value", "asked"),
        [
            (b"120", timedelta(seconds=120)),
            (b" 0 ", timedelta()),
            (b"Wed, 21 Oct 2015 07:28:00 GMT", datetime(2015, 10, 21, 7, 28, tzinfo=UTC)),
            (b"Wed, 21 Oct 2015 07:28:00 -0000", datetime(2015, 10, 21, 7, 28, tzinfo=UTC)),
            (b"Wed, 21 Oct 0001 07:28:00 +1400", datetime(2001, 10, 20, 17, 28, tzinfo=UTC)),
            (b"Wed, 21 Oct 99999 07:28:00 GMT", None),
            (b"Wed, 21 Oct 2015 07:28:00 +9999", None),
            (b"-5", None),
            (b"1.5", None),
            (b"soon", None),
            (b"", None),
            (b"9" * 400, None),
            (b"\xb2", None),
            (b"99, 99 Foo 99999 99:99:99 GMT", None),
        ],
    )
    async def test_retry_after(
        self, worker: Workers, target: HttpTarget, value: bytes, asked: timedelta | datetime | None
    ) -> None:
        """Seconds or a date; what is neither is as if not there (CT-L7)."""
        made = await worker(answering(b"HTTP/1.1 503 Busy\r\nretry-AFTER:%b\r\nContent-Length: 0\r\n\r\n" % value))
        assert (await answer_of(target, outgoing(made.url))).retry_after == asked

    async def test_retry_after_a_date_to_come(self, worker: Workers, target: HttpTarget) -> None:
        when = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True).encode()
        made = await worker(answering(b"HTTP/1.1 429 Slow\r\nRetry-After: %b\r\nContent-Length: 0\r\n\r\n" % when))
        assert (await answer_of(target, outgoing(made.url))).retry_after == parsedate_to_datetime(when.decode())


class TestTls:
    async def test_a_trusted_certificate(
        self, worker: Workers, certificate: tuple[ssl.SSLContext, ssl.SSLContext]
    ) -> None:
        server, client = certificate
        made = await worker(answering(NO_CONTENT), tls=server)
        target = HttpTarget(verify=client)
        for _ in range(3):
            assert (await answer_of(target, outgoing(made.url))).status == 204
        assert made.connections == 1
        await target.close()

    async def test_an_untrusted_one_is_refused(
        self, worker: Workers, target: HttpTarget, certificate: tuple[ssl.SSLContext, ssl.SSLContext]
    ) -> None:
        made = await worker(answering(NO_CONTENT), tls=certificate[0])
        answer = await answer_of(target, outgoing(made.url))
        assert answer.status == 0
        assert answer.reason.startswith(f"no TLS with {made.url}: ")
        assert "certificate verify failed" in answer.reason

    async def test_an_untrusted_one_is_taken_without_verification(
        self, worker: Workers, certificate: tuple[ssl.SSLContext, ssl.SSLContext]
    ) -> None:
        """Where the user says so (CT-L4)."""
        made = await worker(answering(NO_CONTENT), tls=certificate[0])
        target = HttpTarget(verify=False)
        assert (await answer_of(target, outgoing(made.url))).status == 204
        await target.close()

    async def test_a_worker_without_tls(self, worker: Workers, target: HttpTarget) -> None:
        async def plain(reader: Reader, writer: Writer) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        url = (await worker(plain)).url.replace("http:", "https:")
        answer = await answer_of(target, outgoing(url))
        assert answer.status == 0
        assert answer.reason.startswith(f"no TLS with {url}: ")


async def test_an_ipv6_worker(worker: Workers, target: HttpTarget) -> None:
    heads: list[bytes] = []

    async def script(reader: Reader, writer: Writer) -> None:
        heads.append((await read_request(reader))[0])
        writer.write(NO_CONTENT)

    made = await worker(script, host="::1")
    assert (await answer_of(target, outgoing(made.url))).status == 204
    assert f"\r\nHost: {made.url.removeprefix('http://')}\r\n".encode() in heads[0]
