"""Routers whose endpoints are tasks without a cast."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from google.cloud.tasks_v2 import CreateTaskRequest

from fastapi_gcp_tasks import (
    AsyncDelayedRouteBuilder,
    AsyncDelayedRouter,
    DelayedRouteBuilder,
    DelayedRouter,
)
from routes.routes_fakes import OTHER_QUEUE, QUEUE, URL, FakeAsyncClient, FakeClient, Payload, exchange

VERBS = ["get", "put", "post", "delete", "options", "head", "patch"]


@pytest.mark.parametrize("verb", VERBS)
async def test_each_verb_makes_a_task_and_an_endpoint(verb: str) -> None:
    client, async_client, seen = FakeClient(), FakeAsyncClient(), list[int]()
    router: Any = DelayedRouter(queue_path=QUEUE, base_url=URL, client=client)
    async_router: Any = AsyncDelayedRouter(queue_path=QUEUE, base_url=URL, client=async_client)

    def task(number: int) -> None:
        seen.append(number)

    async def async_task(number: int) -> None:
        seen.append(number)

    made, async_made = getattr(router, verb)("/a")(task), getattr(async_router, verb)("/b")(async_task)
    assert (made, async_made) == (task, async_task)
    made.delay(number=1)
    await async_made.delay(number=2)
    for request, path in ((client.requests[0], "/a?number=1"), (async_client.requests[0], "/b?number=2")):
        assert request.task.http_request.http_method.name == verb.upper()
        assert request.task.http_request.url == URL + path
    app = FastAPI()
    app.include_router(router)
    app.include_router(async_router)
    for number, path in ((1, "/a"), (2, "/b")):
        status, _, _ = await exchange(app, verb.upper(), path, query_string=f"number={number}".encode())
        assert status == 200
    assert seen == [1, 2]


async def test_it_takes_the_options_of_a_router_and_of_its_verbs() -> None:
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=FakeClient(), prefix="/jobs", tags=["jobs"])

    @router.post("/hello", status_code=202, summary="says hello")
    async def hello(p: Payload) -> None: ...

    app = FastAPI()
    app.include_router(router, prefix="/v1")
    assert hello.__name__ == "hello"
    described = app.openapi()["paths"]["/v1/jobs/hello"]["post"]
    assert (described["summary"], described["tags"]) == ("says hello", ["jobs"])
    assert next(iter(described["responses"])) == "202"


@pytest.mark.parametrize("url", ["callback_base_url", "base_url"])
async def test_what_its_builder_takes_counts_for_its_tasks(url: str) -> None:
    def hook(request: CreateTaskRequest) -> CreateTaskRequest:
        request.task.http_request.headers["x-hooked"] = "yes"
        return request

    client, async_client = FakeClient(), FakeAsyncClient()
    options: dict[str, Any] = {url: URL, "queue_path": OTHER_QUEUE, "task_create_timeout": 3.0, "pre_create_hook": hook}
    router = DelayedRouter(client=client, auto_create_queue=False, **options)
    async_router = AsyncDelayedRouter(client=async_client, auto_create_queue=True, **options)

    @router.post("/task")
    def task() -> None: ...

    @async_router.post("/task")
    async def async_task() -> None: ...

    task.delay()
    await async_task.delay()
    assert client.requests == async_client.requests
    (request,) = client.requests
    assert (request.parent, request.task.http_request.url) == (OTHER_QUEUE, f"{URL}/task")
    assert request.task.http_request.headers["x-hooked"] == "yes"
    assert client.timeouts == async_client.timeouts == [3.0]
    assert (len(client.queues), len(async_client.queues)) == (0, 1)


@pytest.mark.parametrize("add", ["add_api_route", "api_route"])
def test_the_other_ways_to_add_a_route_make_tasks_too(add: str) -> None:
    client = FakeClient()
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=client)

    def hello() -> None: ...

    task: Any = hello
    if add == "add_api_route":
        router.add_api_route("/hello", hello, methods=["POST"])
    else:
        router.api_route("/hello", methods=["POST"])(hello)
    task.delay()
    assert len(client.requests) == 1


def test_it_has_the_route_class_of_its_builder_and_takes_no_other() -> None:
    with pytest.raises(TypeError, match=r"DelayedRouter has a route class of its own: use APIRouter\(route_class=…\)"):
        DelayedRouter(queue_path=QUEUE, base_url=URL, route_class=APIRouter)


@pytest.mark.parametrize(
    ("router", "builder"), [(DelayedRouter, DelayedRouteBuilder), (AsyncDelayedRouter, AsyncDelayedRouteBuilder)]
)
def test_it_has_each_option_of_its_builder_with_the_same_default(
    router: Callable[..., Any], builder: Callable[..., Any]
) -> None:
    taken = dict(inspect.signature(router).parameters)
    del taken["router"]
    assert taken == dict(inspect.signature(builder).parameters)
