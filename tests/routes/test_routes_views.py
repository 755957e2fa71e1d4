"""Methods of classes as endpoints: their first parameter becomes a dependency after the route exists."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from routes.routes_fakes import FakeClient, delayed_router


def class_based_view(router: APIRouter) -> Callable[[type], type]:
    """What fastapi-utils' `cbv` does, in short: gives `self` a `Depends`, and includes the routes anew."""

    def make_view(cls: type) -> type:
        methods = {one for _, one in inspect.getmembers(cls, inspect.isfunction)}
        inner = APIRouter()
        for route in [one for one in router.routes if isinstance(one, APIRoute) and one.endpoint in methods]:
            router.routes.remove(route)
            depend_on(route.endpoint, cls)
            inner.routes.append(route)
        router.include_router(inner)
        return cls

    return make_view


def depend_on(endpoint: Any, cls: type) -> None:
    signature = inspect.signature(endpoint)
    first, *others = signature.parameters.values()
    rest = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in others]
    endpoint.__signature__ = signature.replace(parameters=[first.replace(default=Depends(cls)), *rest])


def greeting() -> str:
    return "hello"


def test_a_view_of_a_class_takes_the_arguments_that_it_has_once_it_is_a_view() -> None:
    client = FakeClient()
    router = delayed_router(client)
    received: list[tuple[str, int, str]] = []

    @class_based_view(router)
    class View:
        def __init__(self, greeting: Annotated[str, Depends(greeting)]) -> None:
            self.greeting = greeting

        @router.post("/greet/{name}")
        def greet(self, name: str, times: int = 1) -> None:
            received.append((self.greeting, times, name))

    task: Any = vars(View)["greet"]
    tasks: list[Any] = [task, task.options(), task.options(task_id="one")]
    for delayed in tasks:
        delayed.delay(name="a", times=3)
        with pytest.raises(TypeError, match="'self' is injected by FastAPI and cannot be passed"):
            delayed.delay(self=View("x"), name="a")
    app = FastAPI()
    app.include_router(router)
    for request in client.requests:
        assert asyncio.run(status(app, request.task.http_request.url)) == 200
    assert received == [("hello", 3, "a")] * 3


async def status(app: FastAPI, url: str) -> int:
    """What the app answers to a POST without a body."""
    parts = urlsplit(url)
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": parts.path, "headers": []}
    scope |= {"query_string": parts.query.encode(), "root_path": "", "raw_path": parts.path.encode()}
    await app(scope, receive, send)
    return statuses[0]


def test_a_bound_method_is_refused_when_it_is_registered() -> None:
    class Service:
        def run(self, number: int) -> None: ...

    with pytest.raises(TypeError, match=r"cannot carry attributes such as \.delay: make it a function"):
        delayed_router(FakeClient()).post("/run")(Service().run)
