"""What a worker makes of the tasks that a fake client was given."""

import asyncio
from typing import Any
from urllib.parse import unquote

from routes.routes_fakes import FakeAsyncClient, FakeClient


class Received:
    """What endpoints were called with."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def note(self, **arguments: Any) -> None:
        self.all.append(arguments)


def carry(app: Any, client: FakeClient | FakeAsyncClient, url: str, number: int = -1) -> int:
    """The status with which the app, which is at `url`, answers one of the client's tasks."""
    request = client.requests[number].task.http_request
    assert request.url.startswith(url)
    return answer_of(app, request.url.removeprefix(url), dict(request.headers), request.body, request.http_method.name)


def answer_of(app: Any, target: str, headers: dict[str, str], body: bytes, method: str = "POST") -> int:
    """The status with which the app answers such a request."""
    target, _, query = target.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(target) or "/",
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": ("worker", 80),
        "client": ("queue", 1),
    }
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    return int(messages[0]["status"])
