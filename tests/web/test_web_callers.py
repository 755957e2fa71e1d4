"""What a web page sends is refused; what programs send is not."""

import socket

import pytest

from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from web.web_clients import JSON, LOCATION, QUEUE, Rest, head, read_response

CREATE_QUEUE = (f"/v2/{LOCATION}/queues", {"name": QUEUE})


async def status_of_host(rest: Rest, host: str, path: str = f"/v2/{LOCATION}") -> tuple[int, str]:
    answer = await rest.ask("GET", path, Host=host)
    return answer.status, answer.text


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8123",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1:1",
        "[::1]:8123",
        "[fe80::1]",
        "192.168.1.5:8123",
        "203.0.113.7",
        "tasks",
        "tasks:8123",
        "my_tasks",
        "app.localhost",
        "laptop.local",
        "host.docker.internal:8123",
        "tasks.default.svc.cluster.local",
        "router.home.arpa",
        "worker.test",
        socket.gethostname(),
    ],
)
async def test_a_host_that_no_site_can_have_is_accepted(rest: Rest, host: str) -> None:
    """Addresses, names without a dot, such as those of services of docker compose, and names for local use."""
    assert (await status_of_host(rest, host))[0] == 200


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("evil.example.com", "evil.example.com"),
        ("evil.example.com:8123", "evil.example.com"),
        ("localhost.evil.com", "localhost.evil.com"),
        ("127.0.0.1.nip.io", "127.0.0.1.nip.io"),
        ("evil.com.", "evil.com"),
        ("1.2.3.4.5", "1.2.3.4.5"),
        ("x.notlocal", "x.notlocal"),
    ],
)
@pytest.mark.parametrize("path", [f"/v2/{LOCATION}", "/health", "/.well-known/openid-configuration", "/nowhere"])
async def test_a_name_that_a_site_may_have_is_refused(rest: Rest, host: str, name: str, path: str) -> None:
    """A page of that site would reach this service by its name (DNS rebinding)."""
    status, text = await status_of_host(rest, host, path)
    assert (status, text) == (
        403,
        f"{host!r} is not known to be a name of this service. If it is one, start the service with "
        f"--allowed-host {name}.\n",
    )


@pytest.mark.parametrize(
    "host", ["", "localhost:8123@evil.com", "a/b", "[::1", "localhost:x", "a b.c", "http://localhost"]
)
async def test_a_host_that_is_none_is_refused(rest: Rest, host: str) -> None:
    async with rest.connected() as (reader, writer):
        writer.write(f"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert (await read_response(reader))[0] == 403


async def test_names_that_the_service_was_given_are_accepted() -> None:
    """`--allowed-host`, where it listens, and its issuer."""
    settings = PortSettings(
        port=0,
        host="127.0.0.1",
        allowed_hosts=("Tasks.example.com", "other.example.com"),
        issuer="https://issuer.example.com:8443/x",
    )
    async with emulating(settings) as emulator, Rest(emulator) as rest:
        for host in ("tasks.example.com:80", "other.example.com", "ISSUER.example.com"):
            assert (await status_of_host(rest, host))[0] == 200
        assert (await status_of_host(rest, "more.example.com"))[0] == 403


@pytest.mark.parametrize("name", ["", "http://tasks.example.com", "tasks.example.com:80", "a b"])
def test_what_is_no_name_cannot_be_allowed(name: str) -> None:
    with pytest.raises(ValueError, match="allowed host must be a name such as"):
        PortSettings(allowed_hosts=(name,))


async def test_a_client_of_http_1_0_needs_no_host(rest: Rest) -> None:
    async with rest.connected() as (reader, writer):
        writer.write(b"GET /health HTTP/1.0\r\n\r\n")
        assert (await read_response(reader))[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.com", "null", "http://localhost:3000", "http://localhost", "x", ""])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET", "OPTIONS", "HEAD"])
async def test_the_page_of_another_site_is_refused(rest: Rest, method: str, origin: str) -> None:
    """Also one that this machine serves at another port."""
    await rest.queue()
    answer = await rest.ask(method, f"/v2/{QUEUE}", Origin=origin, Host="localhost:8123")
    assert answer.status == 403
    if method != "HEAD":
        assert answer.text == (
            f"The web page of another site, {origin}, may not use this service. Call it from a program.\n"
        )
    assert (await rest.ask("GET", f"/v2/{QUEUE}")).status == 200


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        (b"http://[", "http://["),
        (b"http://[::1", "http://[::1"),
        (b"http://[v1.x", "http://[v1.x"),
        (b"\xff", "\\udcff"),
        ("http://\u2100".encode(), "http://\u2100"),
        (b"http://\xe9.com", "http://\\udce9.com"),
    ],
)
async def test_an_origin_that_is_none_is_refused(rest: Rest, origin: bytes, shown: str) -> None:
    """Also one that cannot be parsed, and one whose bytes are no text."""
    async with rest.connected() as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: " + origin + b"\r\n\r\n")
        status, text = await read_response(reader)
    assert (status, text.decode()) == (
        403,
        f"The web page of another site, {shown}, may not use this service. Call it from a program.\n",
    )


async def test_a_host_whose_bytes_are_no_text_is_refused(rest: Rest) -> None:
    async with rest.connected() as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nHost: \xe9.com\r\n\r\n")
        assert (await read_response(reader))[0] == 403


async def test_the_origin_is_compared_with_the_host_and_not_with_the_request_line(rest: Rest) -> None:
    async with rest.connected() as (reader, writer):
        target = "http://evil.com/health"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.com\r\n\r\n".encode())
        assert (await read_response(reader))[0] == 403


@pytest.mark.parametrize("host", ["localhost:8123", "[::1]:8123", "tasks"])
async def test_a_page_of_the_service_itself_may_use_it(rest: Rest, host: str) -> None:
    path, body = CREATE_QUEUE
    assert (await rest.ask("POST", path, body, Origin=f"http://{host}", Host=host)).status == 200
    assert (await rest.ask("GET", f"/v2/{QUEUE}", Origin=f"https://{host}", Host=host)).status == 200


async def test_no_answer_lets_other_pages_read_it(rest: Rest) -> None:
    async with rest.session.options("/health") as response:
        assert [name for name in response.headers if name.lower().startswith("access-control-")] == []


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "application/x-protobuf",
        "application/jsonp",
        "",
    ],
)
async def test_a_body_that_is_not_sent_as_json_is_refused(rest: Rest, content_type: str) -> None:
    """A page may send some of these to any site without asking it."""
    path, _ = CREATE_QUEUE
    body = f'{{"name": "{QUEUE}"}}'.encode()
    async with rest.connected() as (reader, writer):
        named = [f"Content-Type: {content_type}"] if content_type else []
        writer.write(head("POST", path, f"Content-Length: {len(body)}", *named) + body)
        assert await read_response(reader) == (
            415,
            b"The body of a request must be JSON: send it with Content-Type: application/json.\n",
        )
    assert (await rest.ask("GET", f"/v2/{QUEUE}")).status == 404


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
async def test_a_body_of_json_is_accepted(rest: Rest, content_type: str) -> None:
    path, body = CREATE_QUEUE
    assert (await rest.ask("POST", path, body, Content_Type=content_type)).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_an_empty_form_is_refused_too(rest: Rest, content_type: str) -> None:
    await rest.queue()
    assert (await rest.ask("POST", f"/v2/{QUEUE}:purge", Content_Type=content_type)).status == 415
    assert (await rest.ask("POST", f"/v2/{QUEUE}:purge", "{}", **JSON)).status == 200
