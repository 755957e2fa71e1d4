"""The request arrives as it was stored: bytes, headers and address, over HTTP and by ASGI alike."""

import asyncio
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gcptasks.base.asgi import DELIVERY, Delivery
from gcptasks.engine.delivery import Outgoing
from gcptasks.runtime.targets.address import Address, parse_url
from gcptasks.runtime.targets.asgi import AsgiTarget
from gcptasks.runtime.targets.http import HttpTarget
from targets.targets_workers import NO_CONTENT, Workers, answer_of, outgoing, read_request, serving

HEADERS = [
    ("User-Agent", "Google-Cloud-Tasks"),
    ("Content-Type", "application/json"),
    ("X-CloudTasks-TaskRetryReason", ""),
    ("X-Twice", "1"),
    ("X-Blanks", "  in between  "),
    ("X-Twice", "2"),
    ("X-Ünïcode".encode("ascii", "ignore").decode(), "grüße\tund mehr"),
]


async def sent(worker: Workers, request: Outgoing) -> tuple[bytes, bytes]:
    """What of the request arrived: its head and its body. The host of its URL is replaced by the worker's."""
    seen: list[tuple[bytes, bytes]] = []

    async def script(reader: Reader, writer: Writer) -> None:
        seen.append(await read_request(reader))
        writer.write(NO_CONTENT)

    made = await worker(script)
    target = HttpTarget()
    url = request.url.replace("http://worker", made.url, 1)
    answer = await answer_of(target, replace(request, url=url))
    await target.close()
    assert (answer.status, answer.reason) == (204, "")
    return seen[0]


class TestHead:
    async def test_the_request_as_it_is_on_the_wire(self, worker: Workers) -> None:
        """CT-161, CT-171: names keep their case, order and repetition; no Content-Type is added."""
        headers = [("X-CloudTasks-QueueName", "q"), ("x-lower", "a"), ("x-lower", "b")]
        head, body = await sent(worker, outgoing("http://worker/p?q=1#fragment", headers=headers, body=b"hello"))
        lines = head.split(b"\r\n")
        assert lines[0] == b"POST /p?q=1 HTTP/1.1"
        assert lines[1].startswith(b"Host: 127.0.0.1:")
        assert lines[2:] == [b"X-CloudTasks-QueueName: q", b"x-lower: a", b"x-lower: b", b"Content-Length: 5", b"", b""]
        assert body == b"hello"

    async def test_a_request_may_name_another_host(self, worker: Workers) -> None:
        """CT-L8."""
        head, _ = await sent(worker, replace(outgoing("http://worker/"), host="app.test"))
        assert head.split(b"\r\n")[1] == b"Host: app.test"

    async def test_headers_that_frame_the_request_are_ours(self, worker: Workers) -> None:
        theirs = ["hOST", "Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "Upgrade", "TE"]
        head, body = await sent(worker, outgoing("http://worker/", headers=[(n, "chunked") for n in theirs], body=b"x"))
        assert b"chunked" not in head
        assert body == b"x"

    @pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "OPTIONS"])
    async def test_methods_without_a_body_send_none(self, worker: Workers, method: str) -> None:
        """CT-175."""
        head, _ = await sent(worker, outgoing("http://worker/", method=method, body=b"never sent"))
        assert head.startswith(f"{method} / HTTP/1.1\r\n".encode())
        assert b"\r\nContent-Length: 0\r\n" in head

    async def test_a_user_in_the_url_becomes_basic_credentials(self, worker: Workers) -> None:
        async def script(reader: Reader, writer: Writer) -> None:
            seen.append((await read_request(reader))[0])
            writer.write(NO_CONTENT)

        seen: list[bytes] = []
        made = await worker(script)
        url = made.url.replace("http://", "http://Aladdin:open%20sesame@")
        target = HttpTarget()
        await answer_of(target, outgoing(url))
        await answer_of(target, outgoing(url, headers=[("authorization", "Bearer token")]))
        await target.close()
        assert b"\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" in seen[0]
        assert b"Aladdin" not in seen[0]
        assert b"\r\nauthorization: Bearer token\r\n" in seen[1]
        assert b"Basic" not in seen[1]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("X-Evil", "1\r\nX-Injected: 1"),
            ("X-Evil", "1\nX-Injected: 1"),
            ("X-Evil", "\x00"),
            ("X-Evil", "\ud800"),
            ("X-Evil: 1\r\nX-Injected", "1"),
            ("X Evil", "1"),
            ("", "1"),
        ],
    )
    async def test_a_header_that_breaks_out_is_not_sent(self, name: str, value: str) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            raise AssertionError("never called")

        for target in (HttpTarget(), AsgiTarget(app)):
            answer = await answer_of(target, outgoing("http://127.0.0.1:9/", headers=[(name, value)]))
            assert answer.status == 0
            assert "header" in answer.reason


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "origin", "host", "target"),
        [
            ("http://Worker.Example", "http://worker.example:80", b"worker.example", "/"),
            ("HTTPS://worker.example:443/A?b#c", "https://worker.example:443", b"worker.example", "/A?b"),
            ("http://worker.example:8080?q", "http://worker.example:8080", b"worker.example:8080", "/?q"),
            ("http://worker.example:/x", "http://worker.example:80", b"worker.example", "/x"),
            ("http://[::1]/", "http://[::1]:80", b"[::1]", "/"),
            ("http://[0:0::1]:81/", "http://[::1]:81", b"[::1]:81", "/"),
            ("http://[fe80::1%25eth0]:81/", "http://[fe80::1%eth0]:81", b"[fe80::1]:81", "/"),
            ("http://bücher.example/", "http://xn--bcher-kva.example:80", b"xn--bcher-kva.example", "/"),
            ("http://a_b/grüße x/%20?ü=é", "http://a_b:80", b"a_b", "/gr%C3%BC%C3%9Fe%20x/%20?%C3%BC=%C3%A9"),
            ("http://h//two//slashes/../.", "http://h:80", b"h", "//two//slashes/../."),
            ("http://h/a\r\nX: y", "http://h:80", b"h", "/a%0D%0AX:%20y"),
            ("http://u@p@h/", "http://h:80", b"h", "/"),
        ],
    )
    def test_where_a_url_leads(self, url: str, origin: str, host: bytes, target: str) -> None:
        address = parse_url(url)
        assert (str(address.origin), address.host_header, address.target) == (origin, host, target)

    @given(rest=st.text())
    def test_no_url_breaks_the_request_line(self, rest: str) -> None:
        target = parse_url("http://h/" + rest.replace("%", "")).target
        assert target.isascii()
        assert target.isprintable()
        assert " " not in target

    def test_a_name_and_its_default_port_share_connections(self) -> None:
        addresses: list[Address] = [parse_url(url) for url in ("http://h/a", "HTTP://H:80/b", "http://u:p@h/c")]
        assert len({address.origin for address in addresses}) == 1


class Mirror:
    """An app that remembers what it was called with."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}
        self.body = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.scope, self.body, more = dict(scope), b"", True
        while more:
            message = await receive()
            self.body += message["body"]
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


# What RFC 3986 lets stand in a path and a query, escapes included.
_plain = st.sampled_from([*"abzAZ09-._~!$&'()*+,;=:@/", "%20", "%2F", "%C3%BC", "%ff", "%00", "%25", "//", "ü", " "])
_path = st.lists(_plain, max_size=12).map("".join)
_query = st.none() | st.lists(_plain | st.just("?"), max_size=12).map("".join)
_host = st.sampled_from(["", "worker.app.test"])
_requests = st.lists(st.tuples(_path, _query, st.binary(max_size=300), _host), min_size=20, max_size=20)


@given(requests=_requests)
@settings(max_examples=5)
def test_the_app_cannot_tell_asgi_from_uvicorn(requests: list[tuple[str, str | None, bytes, str]]) -> None:
    """Every key of the scope and the body are what uvicorn gives for the same request over HTTP."""

    async def compare() -> None:
        served, called = Mirror(), Mirror()
        http, asgi = HttpTarget(), AsgiTarget(called)
        async with serving(served) as url:
            for path, query, body, host in [*requests, ("", None, b"x" * 300_000, "")]:
                full = f"{url}/{path}" + ("" if query is None else f"?{query}")
                request = replace(outgoing(full, headers=HEADERS, body=body), host=host)
                assert (await answer_of(http, request)).status == (await answer_of(asgi, request)).status == 204
                # The port of the client is another on each connection.
                assert served.scope.pop("client")[0] == called.scope.pop("client")[0]
                assert called.scope.pop(DELIVERY) == Delivery("", {})  # what no request from outside has
                assert called.scope == served.scope
                assert called.body == served.body == body
            await http.close()
        await asgi.close()

    asyncio.run(compare())
