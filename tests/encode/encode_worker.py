"""The round trip that the promise is about: encode, send through the real app, look at what the endpoint received."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from fastapi_gcp_tasks.encode import Plan, compile_plan


class Encoded(NamedTuple):
    """What a plan makes of the arguments, by name."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


class Worker:
    """A FastAPI app with one endpoint, and the plan of its route."""

    def __init__(self, endpoint: Callable[..., Any], path: str = "/task", method: str = "POST", **options: Any) -> None:
        self.method = method
        self.received: list[dict[str, Any]] = []
        router = APIRouter()
        router.add_api_route(path, endpoint, methods=[method], response_model=None, **options)
        route = router.routes[0]
        assert isinstance(route, APIRoute)
        self.route = route
        self.plan: Plan = compile_plan(route)
        self.app = FastAPI()
        self.app.include_router(router)
        self.app.add_exception_handler(RequestValidationError, _show_refusal)

    def encode(self, **values: Any) -> Encoded:
        return Encoded(*self.plan.encode(values))

    def deliver(self, request: Encoded, **more_headers: str) -> tuple[int, str]:
        """Send the request as the queue would; returns status and body of the answer."""
        return asyncio.run(self._deliver(request, more_headers))

    async def _deliver(self, request: Encoded, more_headers: dict[str, str]) -> tuple[int, str]:
        path, _, query = request.path.partition("?")
        head = [*request.headers, *((name.replace("_", "-"), value) for name, value in more_headers.items())]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": unquote(path, errors="strict"),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in head],
            "server": ("worker", 80),
            "client": ("queue", 1),
        }
        messages: list[dict[str, Any]] = []
        body = {"type": "http.request", "body": request.body or b"", "more_body": False}

        async def receive() -> dict[str, Any]:
            return body

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in messages)
        return messages[0]["status"], answer.decode()

    def carry(self, **values: Any) -> dict[str, Any]:
        """What the endpoint receives when `.delay(**values)` is called."""
        status, answer = self.deliver(self.encode(**values))
        assert status == 200, answer
        return self.received.pop()


def worker_of(annotation: Any, path: str = "/task", default: Any = ...) -> Worker:
    """A worker whose endpoint has one parameter, `value`, declared so."""

    def endpoint(value: Any) -> None:
        made.received.append({"value": value})

    endpoint.__annotations__["value"] = annotation
    endpoint.__defaults__ = None if default is ... else (default,)
    made = Worker(endpoint, path)
    return made


async def _show_refusal(request: Request, error: Exception) -> PlainTextResponse:
    assert isinstance(error, RequestValidationError)
    return PlainTextResponse(str(error.errors()), status_code=422)


@contextmanager
def refused(error: type[Exception], *texts: str) -> Generator[None]:
    """The block raises `error`, whose message holds each of the texts."""
    with pytest.raises(error) as raised:
        yield
    for text in texts:
        assert text in str(raised.value), f"{text!r} is not in {raised.value}"
