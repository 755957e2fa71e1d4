"""A worker behind a real server, and what clients of all kinds send to its port."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import HTTPException

from functions.functions_shop import make_app, make_client, message, served

PATIENCE = 20


@pytest.fixture
def ran() -> list[int]:
    return []


@pytest.fixture
async def port(ran: list[int]) -> AsyncIterator[int]:
    client = make_client()

    @client.task(name="work")
    def work(number: int) -> None:
        ran.append(number)

    @client.task(name="say")
    async def say(status: int) -> None:
        raise HTTPException(status)

    async with served(make_app(client)) as url:
        found = urlsplit(url).port
        assert found is not None
        yield found


def answer(connection: HTTPConnection, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
    connection.request("POST", "/tasks/run", body, {"X-PYCT-SECRET": "known", **headers})
    response = connection.getresponse()
    return response.status, response.read()


async def test_what_a_server_makes_of_requests_is_answered(port: int, ran: list[int]) -> None:
    def ask() -> list[int]:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            chunked = answer(connection, iter([message("work", 1)[:9], message("work", 1)[9:]]), {})
            typed = answer(connection, message("work", 2), {"Content-Type": "text/plain"})
            packed = answer(connection, gzip.compress(message("work", 3)), {"Content-Encoding": "gzip"})
            empty = answer(connection, b"", {})
            stranger = answer(connection, message("work", 4), {"X-PYCT-SECRET": "other"})
            said = [answer(connection, message("say", status), {}) for status in (204, 205, 304, 409)]
            assert [body for _, body in said] == [b"", b"", b"", b'{"detail":"Conflict"}']
            # All of it on one connection, which each answer left whole.
            again = answer(connection, message("work", 5), {})
            return [status for status, _ in (chunked, typed, packed, empty, stranger, *said, again)]
        finally:
            connection.close()

    assert await asyncio.to_thread(ask) == [200, 200, 422, 422, 403, 204, 205, 304, 409, 200]
    assert ran == [1, 2, 5]


async def test_a_client_that_goes_away_costs_nothing(
    port: int, ran: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    body = message("work", 1)
    head = (
        b"POST /tasks/run HTTP/1.1\r\nHost: a\r\nX-PYCT-SECRET: known\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )

    def ask() -> int:
        for sent in (head, head + body[:-1], head[:-2]):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as cut_off:
                cut_off.sendall(sent)
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            return answer(connection, message("work", 2), {})[0]
        finally:
            connection.close()

    assert await asyncio.to_thread(ask) == 200
    assert ran == [2]
    assert "Traceback" not in caplog.text
