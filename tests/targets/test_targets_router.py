"""Which target an attempt goes to, and where redirects lead it."""

import asyncio
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from gcptasks.runtime.targets.address import parse_app_url
from gcptasks.runtime.targets.asgi import AsgiTarget
from gcptasks.runtime.targets.redirect import next_request
from gcptasks.runtime.targets.router import Targets
from gcptasks.runtime.targets.target import HopReply
from targets.targets_workers import NO_CONTENT, Workers, answer_of, answering, outgoing, read_request


def teapot(seen: list[str]) -> AsgiTarget:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 218})
        await send({"type": "http.response.body"})

    return AsgiTarget(app)


class TestWhoIsAsked:
    @pytest.mark.parametrize(
        ("app_url", "url"),
        [
            ("http://app.local", "http://app.local"),
            ("http://app.local/", "http://app.local/tasks/x?y#z"),
            ("http://app.local", "HTTP://App.LOCAL:80/tasks"),
            ("https://app.local:443", "https://app.local/x"),
            ("http://app.local", "http://user:pw@app.local/x"),
            ("http://127.0.0.1:1/api", "http://127.0.0.1:1/api"),
            ("http://127.0.0.1:1/api/", "http://127.0.0.1:1/api?x=/"),
            ("http://127.0.0.1:1/api", "http://127.0.0.1:1/api/x"),
        ],
    )
    async def test_the_app_for_its_own_urls(self, app_url: str, url: str) -> None:
        seen: list[str] = []
        targets = Targets({parse_app_url(app_url): teapot(seen)})
        assert (await answer_of(targets, outgoing(url))).status == 218
        assert len(seen) == 1
        await targets.close()

    @pytest.mark.parametrize(
        ("app_url", "url"),
        [
            ("http://127.0.0.1", "http://127.0.0.1.invalid/"),
            ("http://127.0.0.1", "http://127.0.0.1@app.invalid/"),
            ("http://127.0.0.1", "https://127.0.0.1/"),
            ("http://127.0.0.1", "http://127.0.0.1:1/"),
            ("http://127.0.0.1:1/api", "http://127.0.0.1:1/apis"),
            ("http://127.0.0.1:1/api", "http://127.0.0.1:1/API"),
            ("http://127.0.0.1:1/api", "http://127.0.0.1:1/?x=/api"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1:1/"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1/%zz"),
        ],
    )
    async def test_http_for_all_others(self, app_url: str, url: str) -> None:
        seen: list[str] = []
        targets = Targets({parse_app_url(app_url): teapot(seen)})
        answer = await answer_of(targets, outgoing(url))
        assert answer.status == 0
        assert answer.reason
        assert seen == []
        await targets.close()

    async def test_the_app_with_the_longest_prefix(self) -> None:
        outer, inner = list[str](), list[str]()
        whole, below = map(parse_app_url, ("http://app.local", "http://app.local/api"))
        targets = Targets({whole: teapot(outer), below: teapot(inner)})
        for path in ("/api/x", "/apix"):
            await answer_of(targets, outgoing("http://app.local" + path))
        assert (outer, inner) == (["/apix"], ["/api/x"])
        await targets.close()

    @pytest.mark.parametrize("app_url", ["app.local", "ftp://app.local", "http://", "http://app.local/?x=1"])
    def test_an_app_url_that_is_none_is_refused(self, app_url: str) -> None:
        with pytest.raises(ValueError, match="app_url must be a URL such as"):
            parse_app_url(app_url)


def redirect(location: str) -> bytes:
    """A worker's response that redirects."""
    return b"HTTP/1.1 307 X\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location.encode()


class TestRedirects:
    """A redirect is followed within its attempt (CT-178)."""

    @pytest.mark.parametrize(
        ("method", "status", "then"),
        [
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("POST", 303, "GET"),
            ("PUT", 303, "GET"),
            ("DELETE", 303, "GET"),
            ("PUT", 302, "PUT"),
            ("HEAD", 303, "HEAD"),
            ("GET", 302, "GET"),
            ("POST", 307, "POST"),
            ("PATCH", 308, "PATCH"),
        ],
    )
    async def test_they_are_followed_within_the_attempt(
        self, worker: Workers, method: str, status: int, then: str
    ) -> None:
        seen: list[tuple[bytes, bytes]] = []

        async def script(reader: Reader, writer: Writer) -> None:
            while True:
                seen.append(await read_request(reader))
                if len(seen) == 1:
                    writer.write(b"HTTP/1.1 %d X\r\nLocation: ../new?y#z\r\nContent-Length: 0\r\n\r\n" % status)
                else:
                    writer.write(NO_CONTENT)

        made = await worker(script)
        targets = Targets()
        headers = [("Content-Type", "text/plain"), ("X-CloudTasks-TaskName", "t")]
        answer = await answer_of(
            targets, outgoing(made.url + "/a/b/old?x", method=method, headers=headers, body=b"hello")
        )
        await targets.close()
        assert (answer.status, answer.reason) == (204, "")
        head, body = seen[1]
        keeps_body = then in ("POST", "PUT", "PATCH")
        assert head.startswith(f"{then} /a/new?y HTTP/1.1\r\n".encode())
        assert b"X-CloudTasks-TaskName: t" in head
        assert body == (b"hello" if keeps_body else b"")
        assert (b"Content-Type" in head) is (then == method)

    @pytest.mark.parametrize("status", [300, 301, 302, 304, 307])
    async def test_without_a_location_it_is_the_answer(self, worker: Workers, status: int) -> None:
        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)

        targets = Targets()
        answer = await answer_of(targets, outgoing((await worker(script)).url))
        await targets.close()
        assert (answer.status, answer.reason) == (status, "")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_a_request_may_ask_for_none(self, worker: Workers, status: int) -> None:
        """CT-196."""

        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 %d X\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n" % status)

        targets = Targets()
        made = await worker(script)
        answer = await answer_of(targets, replace(outgoing(made.url), follows_redirects=False))
        await targets.close()
        assert (answer.status, answer.reason, made.connections) == (status, "", 1)

    @pytest.mark.parametrize(("location", "host"), [("/there", "app.test"), ("http://127.0.0.1:1/", "")])
    def test_a_host_of_its_own_follows_within_the_origin_alone(self, location: str, host: str) -> None:
        request = replace(outgoing("http://worker.test/"), host="app.test")
        following = next_request(request, HopReply(status=302, location=location))
        assert following is not None
        assert following.host == host

    @pytest.mark.parametrize("location", [b"mailto:x@y", b"ftp://h/", b"//a b/", b"http://[x/", b"/%zz", b"http://"])
    async def test_a_location_that_leads_nowhere_is_the_answer(self, worker: Workers, location: bytes) -> None:
        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 302 X\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location)

        targets = Targets()
        answer = await answer_of(targets, outgoing((await worker(script)).url))
        await targets.close()
        assert answer.status == 302

    @pytest.mark.parametrize(("redirects", "status"), [(5, 204), (6, 302)])
    async def test_five_are_followed_and_no_more(self, worker: Workers, redirects: int, status: int) -> None:
        count = 0

        async def script(reader: Reader, writer: Writer) -> None:
            nonlocal count
            while True:
                await read_request(reader)
                count += 1
                around = b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
                writer.write(around if count <= redirects else NO_CONTENT)

        made = await worker(script)
        targets = Targets()
        answer = await answer_of(targets, outgoing(made.url))
        await targets.close()
        assert answer.status == status
        assert answer.reason == ("" if status == 204 else "more than 5 redirects")
        assert (count, made.connections) == (6, 1)

    async def test_all_of_them_share_one_deadline(self, worker: Workers) -> None:
        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            await asyncio.sleep(0.05)  # more than the milliseconds that a clock of uvloop counts in
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /slow\r\nContent-Length: 0\r\n\r\n")
            await read_request(reader)
            await reader.read()

        made = await worker(script)
        targets = Targets()
        answer = await answer_of(targets, outgoing(made.url, deadline=0.2))
        await targets.close()
        assert answer.status == 504
        before, within, left = answer.reason.partition("no answer within ")
        assert (before, within) == (f"redirected to {made.url}/slow: ", "no answer within ")
        assert 0 <= float(left.removesuffix(" s")) < 0.2

    async def test_an_app_redirects_within_itself(self) -> None:
        app = FastAPI()
        bodies: list[object] = []

        @app.post("/first")
        def first() -> RedirectResponse:
            return RedirectResponse("/second")

        @app.post("/second/")
        def second(body: dict[str, int]) -> None:
            bodies.append(body)

        targets = Targets({parse_app_url("http://app.local"): AsgiTarget(app)})
        headers = [("Content-Type", "application/json")]
        answer = await answer_of(targets, outgoing("http://app.local/first", headers=headers, body=b'{"a": 1}'))
        await targets.close()
        assert (answer.status, bodies) == (200, [{"a": 1}])

    async def test_an_app_redirects_out_and_nobody_leads_back(self, worker: Workers) -> None:
        app = FastAPI()
        asked: list[str] = []

        @app.post("/out")
        def out() -> RedirectResponse:
            asked.append("out")
            return RedirectResponse(url)

        @app.post("/back")
        def back() -> None:
            asked.append("back")

        url = (await worker(answering(redirect("http://app.local/back")))).url
        targets = Targets({parse_app_url("http://app.local"): AsgiTarget(app)})
        answer = await answer_of(targets, outgoing("http://app.local/out"))
        await targets.close()
        assert (answer.status, asked) == (307, ["out"])
        assert answer.reason.endswith(
            "redirected into the app, to http://app.local/back: only the app itself may do that"
        )

    @pytest.mark.parametrize(
        "location",
        [
            "http://app.local/admin",
            "//app.local/admin",
            "HTTP://App.Local:80/admin",
            "http://ａｐｐ.local/admin",
            "http://user:password@app.local/admin",
            "http://app.local/x/../admin",
            "http://app.local",
            "http://app.local?x",
        ],
    )
    @pytest.mark.parametrize("hops", [1, 3])
    async def test_no_redirect_leads_from_the_network_into_the_app(
        self, worker: Workers, location: str, hops: int
    ) -> None:
        """However it is written, and however many hops it takes."""
        seen: list[str] = []
        steps = [redirect("/on")] * (hops - 1)
        made = await worker(answering(*steps, redirect(location), b"" if steps else redirect(location)))
        targets = Targets({parse_app_url("http://app.local"): teapot(seen)})
        answer = await answer_of(targets, outgoing(made.url))
        await targets.close()
        assert seen == []
        assert answer.status == 307
        assert "redirected into the app, to " in answer.reason
        assert "password" not in answer.reason

    async def test_an_app_does_not_redirect_into_another(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            headers = [(b"location", b"http://app.local/other/x")]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body"})

        seen: list[str] = []
        one, other = parse_app_url("http://app.local/one"), parse_app_url("http://app.local/other")
        targets = Targets({one: AsgiTarget(app), other: teapot(seen)})
        answer = await answer_of(targets, outgoing("http://app.local/one/x"))
        await targets.close()
        assert (answer.status, seen) == (307, [])

    async def test_a_location_in_a_trailer_leads_nowhere(self, worker: Workers) -> None:
        """Nor does a Retry-After there count (RFC 9110, 6.5.1)."""
        trailers = b"Location: /elsewhere\r\nRetry-After: 9\r\n"
        chunked = b"HTTP/1.1 307 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + trailers + b"\r\n"
        targets = Targets()
        answer = await answer_of(targets, outgoing((await worker(answering(chunked))).url))
        await targets.close()
        assert (answer.status, answer.location, answer.retry_after) == (307, None, None)

    async def test_an_app_that_redirects_and_goes_on_has_its_deadline_all_the_same(self) -> None:
        go = asyncio.Event()
        asked: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            asked.append(scope["path"])
            await send({"type": "http.response.start", "status": 307, "headers": [(b"location", b"/second")]})
            await send({"type": "http.response.body"})
            await go.wait()

        targets = Targets({parse_app_url("http://app.local"): AsgiTarget(app)})
        answers: asyncio.Queue[HopReply] = asyncio.Queue()
        sending = asyncio.create_task(targets.send(outgoing("http://app.local/", deadline=0.05), answers.put_nowait))
        answer = await answers.get()
        assert (answer.status, answer.reason) == (504, "no answer within 0.05 s")
        go.set()
        await sending
        await targets.close()
        assert asked == ["/"]
        assert answers.empty()

    async def test_a_user_in_a_url_stays_with_its_origin(self, worker: Workers) -> None:
        """Neither the task's own goes on to another, nor does one that the worker names get into the log."""
        heads: list[bytes] = []

        async def last(reader: Reader, writer: Writer) -> None:
            heads.append((await read_request(reader))[0])

        second = await worker(last)
        first = await worker(answering(redirect(second.url)))
        targets = Targets()
        answer = await answer_of(targets, outgoing(first.url.replace("//", "//user:password@")))
        third = await worker(answering(redirect(second.url.replace("//", "//their:secret@"))))
        answer_of_third = await answer_of(targets, outgoing(third.url))
        await targets.close()
        assert b"Authorization" not in heads[0]
        assert answer.reason.startswith(f"redirected to {second.url}: ")
        assert answer_of_third.reason.startswith(f"redirected to {second.url}: ")

    @pytest.mark.parametrize(
        ("location", "follow"),
        [
            ("/other", True),
            ("HTTPS://Worker.example:443/other", True),
            ("https://worker.example.evil/", False),
            ("http://worker.example/", False),
            ("//worker.example:8443/", False),
        ],
    )
    def test_credentials_stay_with_their_origin(self, location: str, follow: bool) -> None:
        headers = [("Authorization", "Bearer token"), ("cookie", "a=b"), ("X-Other", "1")]
        request = outgoing("https://worker.example/x", headers=headers)
        following = next_request(request, HopReply(status=307, location=location))
        assert following is not None
        assert list(following.headers) == (headers if follow else [("X-Other", "1")])
