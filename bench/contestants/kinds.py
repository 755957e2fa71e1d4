"""The time of `.delay()` by the kind of signature: `kinds fake` or `kinds stub`; of what does not arrive, nothing."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Body, FastAPI, Form, Header
from google.cloud.tasks_v2 import HttpRequest
from pydantic import BaseModel

from bench.contestants.delay import Payload, Trimmed, microseconds, task_router
from bench.contestants.stubs import FakeClient, StubClient

Received = dict[str, Any]


class Colour(StrEnum):
    RED = "red"


class Settings(BaseModel):
    name: str
    size: int = 3
    label: str = "x"
    ready: bool = False
    note: str | None = None


class Booking(BaseModel):
    id: UUID
    at: datetime
    price: Decimal
    colour: Colour


class Card(BaseModel):
    number: str


@dataclass
class Point:
    x: int
    y: int


ID = UUID("0f0e0d0c-0b0a-0908-0706-050403020100")


Note = Callable[..., None]
Calls = dict[str, tuple[Any, dict[str, Any]]]
"""Endpoints by their kind, each with arguments."""


def tasks(router: APIRouter, note: Note) -> Calls:
    """An endpoint of each kind. Each notes what it receives."""
    return _outside(router, note) | _bodies(router, note) | _checked(router, note) | _forms(router, note)


def _outside(router: APIRouter, note: Note) -> Calls:
    @router.post("/path/{name}/{number}")
    async def path(name: str, number: int) -> None:
        note(name=name, number=number)

    @router.post("/query")
    async def query(text: str, number: int, ready: bool) -> None:
        note(text=text, number=number, ready=ready)

    @router.post("/typed-query")
    async def typed_query(id: UUID, day: date, colour: Colour) -> None:
        note(id=id, day=day, colour=colour)

    @router.post("/header")
    async def header(x_tenant: Annotated[str, Header()]) -> None:
        note(x_tenant=x_tenant)

    return {
        "path": (path, {"name": "Taj", "number": 4}),
        "query": (query, {"text": "a red one", "number": 4, "ready": True}),
        "typed query": (typed_query, {"id": ID, "day": date(2026, 1, 2), "colour": Colour.RED}),
        "header": (header, {"x_tenant": "acme"}),
    }


def _bodies(router: APIRouter, note: Note) -> Calls:
    @router.post("/body")
    async def body(payload: Payload) -> None:
        note(payload=payload)

    @router.post("/unset")
    async def unset(settings: Settings) -> None:
        note(settings=settings)

    @router.post("/typed-body")
    async def typed_body(booking: Booking) -> None:
        note(booking=booking)

    @router.post("/bodies")
    async def bodies(first: Payload, second: Payload) -> None:
        note(first=first, second=second)

    @router.post("/list")
    async def models(payloads: list[Payload]) -> None:
        note(payloads=payloads)

    @router.post("/dict")
    async def numbers(counts: dict[str, int]) -> None:
        note(counts=counts)

    return {
        "body": (body, {"payload": Payload(message="Hello")}),
        "unset": (unset, {"settings": Settings(name="a", size=4)}),
        "typed body": (
            typed_body,
            {"booking": Booking(id=ID, at=datetime(2026, 1, 2, tzinfo=UTC), price=Decimal("1.50"), colour=Colour.RED)},
        ),
        "bodies": (bodies, {"first": Payload(message="a"), "second": Payload(message="b")}),
        "list": (models, {"payloads": [Payload(message=str(number)) for number in range(10)]}),
        "dict": (numbers, {"counts": {f"key {number}": number for number in range(10)}}),
    }


def _checked(router: APIRouter, note: Note) -> Calls:
    @router.post("/union")
    async def union(method: Card | Payload) -> None:
        note(method=method)

    @router.post("/validator")
    async def validator(payload: Trimmed) -> None:
        note(payload=payload)

    @router.post("/dataclass")
    async def point(point: Annotated[Point, Body()]) -> None:
        note(point=point)

    return {
        "union": (union, {"method": Payload(message="Hello")}),
        "validator": (validator, {"payload": Trimmed(message="Hello")}),
        "dataclass": (point, {"point": Point(1, 2)}),
    }


def _forms(router: APIRouter, note: Note) -> Calls:
    """One with a form, where what reads them is installed."""
    if find_spec("python_multipart") is None:
        return {}

    @router.post("/form")
    async def form(text: Annotated[str, Form()], number: Annotated[int, Form()]) -> None:
        note(text=text, number=number)

    return {"form": (form, {"text": "a red one", "number": 4})}


async def deliver(app: FastAPI, request: HttpRequest) -> None:
    """Run the endpoint that the request is for, as a server would."""
    parts = urlsplit(request.url)
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.body}

    async def send(message: Any) -> None: ...

    await app(scope, receive, send)


def arrives(app: FastAPI, client: FakeClient | StubClient, received: Received, call: Callable[[], object]) -> bool:
    """Whether the endpoint receives anything, which is in `received` then."""
    received.clear()
    try:
        call()
        asyncio.run(deliver(app, client.request.task.http_request))
    except Exception:  # the peer may raise anything where it carries nothing
        return False
    return bool(received)


def main(depth: str) -> None:
    client = StubClient() if depth == "stub" else FakeClient()
    router, received = task_router(client), Received()
    calls = tasks(router, received.update)
    app = FastAPI()
    app.include_router(router)
    figures: dict[str, float] = {}
    for name, (endpoint, arguments) in calls.items():
        call = partial(endpoint.delay, **arguments)
        # What is not received as it was sent is not carried, however fast.
        if arrives(app, client, received, call) and received == arguments:
            figures[name] = microseconds(call)
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
