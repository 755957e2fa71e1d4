"""What the builders take, and what they refuse: api.md section 1."""

import inspect
from typing import Any
from unittest import mock

import pytest
from fastapi.routing import APIRoute
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder, as_async_delayed_task, as_delayed_task
from fastapi_gcp_tasks.delayed_task import AsyncDelayed, Delayed
from routes.routes_fakes import QUEUE, URL, FakeAsyncClient, FakeClient, async_delayed_router, delayed_router

BUILDERS: list[Any] = [DelayedRouteBuilder, AsyncDelayedRouteBuilder]
each_builder = pytest.mark.parametrize("build", BUILDERS, ids=["sync", "async"])


@each_builder
def test_a_builder_returns_a_route_class_of_fastapi(build: Any) -> None:
    first, second = (build(queue_path=QUEUE, callback_base_url=URL) for _ in range(2))
    assert issubclass(first, APIRoute)
    assert first is not second


@each_builder
def test_a_builder_takes_everything_by_keyword(build: Any) -> None:
    parameters = inspect.signature(build).parameters.values()
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_the_twins_have_the_same_options_with_defaults_that_differ_once() -> None:
    sync, twin = ({p.name: p.default for p in inspect.signature(build).parameters.values()} for build in BUILDERS)
    assert sync == twin | {"auto_create_queue": True}
    assert twin["auto_create_queue"] is False
    assert sync["task_create_timeout"] == 10.0


@each_builder
def test_neither_or_both_urls_are_refused(build: Any) -> None:
    with pytest.raises(TypeError, match=r"callback_base_url is missing, or None: .*; base_url is its older name"):
        build(queue_path=QUEUE)
    with pytest.raises(TypeError, match="give one of them"):
        build(queue_path=QUEUE, callback_base_url=URL, base_url=URL)


@each_builder
def test_an_unknown_option_is_refused_by_name(build: Any) -> None:
    with pytest.raises(TypeError, match="task_timeout"):
        build(queue_path=QUEUE, callback_base_url=URL, task_timeout=3)


@each_builder
@pytest.mark.parametrize("name", ["callback_base_url", "base_url"])
@pytest.mark.parametrize(
    ("url", "error", "reason"),
    [
        ("worker.example.com", ValueError, "begin with http"),
        ("ftp://worker.example.com", ValueError, "begin with http"),
        ("https://", ValueError, "and a host"),
        ("https:///path", ValueError, "and a host"),
        ("https://worker.example.com:port", ValueError, "is not a URL"),
        ("https://[::1", ValueError, "is not a URL"),
        ("https://worker.example.com/?a=1", ValueError, "neither query nor fragment"),
        ("https://worker.example.com?", ValueError, "neither query nor fragment"),
        ("https://worker.example.com/#a", ValueError, "neither query nor fragment"),
        ("https://worker.example.com/a b", ValueError, "neither blanks nor control"),
        ("https://worker.example.com/a\n", ValueError, "neither blanks nor control"),
        ("https://worker.example.com/{tenant}", ValueError, "no parameter in braces"),
        (b"https://worker.example.com", TypeError, "must be a string"),
    ],
)
def test_a_url_that_nothing_can_be_appended_to_is_refused(
    build: Any, name: str, url: Any, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=f"callback_base_url.*{reason}"):
        build(queue_path=QUEUE, **{name: url})


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://worker.example.com", "https://worker.example.com/tasks/hello"),
        ("https://worker.example.com/", "https://worker.example.com/tasks/hello"),
        ("http://localhost:8000/outer/prefix/", "http://localhost:8000/outer/prefix/tasks/hello"),
        ("http://[::1]:8000", "http://[::1]:8000/tasks/hello"),
    ],
)
@pytest.mark.parametrize("name", ["callback_base_url", "base_url"])
def test_the_routes_path_is_appended_to_the_url(name: str, base: str, expected: str) -> None:
    client = FakeClient()
    router = delayed_router(client, prefix="/tasks", **{"callback_base_url": None, name: base})

    @as_delayed_task
    @router.post("/hello")
    def hello() -> None: ...

    hello.delay()
    assert client.requests[0].task.http_request.url == expected


@pytest.mark.parametrize("wrong", ["worker.example.com", None])
def test_a_url_may_be_asked_for_at_the_first_call(wrong: Any) -> None:
    answers: list[Any] = [wrong, "https://worker.example.com/"]
    client = FakeClient()
    router = delayed_router(client, callback_base_url=lambda: answers.pop(0))

    @as_delayed_task
    @router.post("/hello")
    def hello() -> None: ...

    assert len(answers) == 2
    with pytest.raises((ValueError, TypeError), match="callback_base_url must b"):
        hello.delay()
    hello.delay()
    hello.delay()
    assert answers == []
    hello.options(base_url=lambda: "https://other.example.com").delay()
    assert [request.task.http_request.url for request in client.requests] == [
        "https://worker.example.com/hello",
        "https://worker.example.com/hello",
        "https://other.example.com/hello",
    ]


@each_builder
@pytest.mark.parametrize("path", ["q", "projects/p/locations/l", "projects/p/locations/l/queues/a_b", ""])
def test_a_malformed_queue_path_is_refused_by_name(build: Any, path: str) -> None:
    with pytest.raises(ValueError, match=f"queue_path {path!r}: Queue"):
        build(queue_path=path, callback_base_url=URL)


@each_builder
@pytest.mark.parametrize(
    ("option", "value", "error", "message"),
    [
        ("queue_path", None, TypeError, "queue_path must be a string"),
        ("task_create_timeout", 0, ValueError, "task_create_timeout must be more than 0"),
        ("task_create_timeout", -1, ValueError, "task_create_timeout must be 0 seconds or more"),
        ("task_create_timeout", float("nan"), ValueError, "task_create_timeout must be 0 seconds or more"),
        ("task_create_timeout", "10", TypeError, "task_create_timeout must be a number"),
        ("pre_create_hook", "hook", TypeError, "pre_create_hook must be a plain function"),
    ],
)
def test_an_option_of_the_wrong_kind_is_refused_by_name(
    build: Any, option: str, value: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build(**{"queue_path": QUEUE, "callback_base_url": URL, option: value})


@each_builder
def test_an_async_hook_is_refused(build: Any) -> None:
    async def hook(request: Any) -> Any: ...

    with pytest.raises(TypeError, match="pre_create_hook must be a plain function"):
        build(queue_path=QUEUE, callback_base_url=URL, pre_create_hook=hook)


@pytest.mark.parametrize(
    "client",
    [
        FakeAsyncClient(),
        mock.Mock(spec=CloudTasksAsyncClient),
        FakeAsyncClient,
        CloudTasksClient,
        lambda: FakeClient(),
        object(),
        "client",
    ],
)
def test_a_sync_builder_takes_sync_clients_alone(client: Any) -> None:
    with pytest.raises(TypeError, match=r"\bDelayedRouteBuilder.*\bAsyncDelayedRouteBuilder"):
        DelayedRouteBuilder(queue_path=QUEUE, callback_base_url=URL, client=client)


def test_a_sync_builder_says_that_it_takes_no_factory() -> None:
    factory: Any = FakeClient
    with pytest.raises(TypeError, match="takes a CloudTasksClient itself, not <class"):
        DelayedRouteBuilder(queue_path=QUEUE, callback_base_url=URL, client=factory)


@pytest.mark.parametrize("client", [FakeClient(), mock.Mock(spec=CloudTasksClient)])
def test_an_async_builder_refuses_sync_clients(client: Any) -> None:
    with pytest.raises(TypeError, match=r"takes a CloudTasksAsyncClient or a factory.*is for DelayedRouteBuilder"):
        AsyncDelayedRouteBuilder(queue_path=QUEUE, callback_base_url=URL, client=client)


@pytest.mark.parametrize("client", [object(), "client", 0, False])
def test_an_async_builder_refuses_what_is_neither_client_nor_factory(client: Any) -> None:
    with pytest.raises(TypeError, match=r"with AsyncDelayedRouteBuilder\), not"):
        AsyncDelayedRouteBuilder(queue_path=QUEUE, callback_base_url=URL, client=client)


def test_mocks_with_the_clients_spec_are_clients_and_their_answers_pass_through() -> None:
    for client in (mock.Mock(spec=CloudTasksClient), mock.create_autospec(CloudTasksClient, instance=True)):
        router = delayed_router(client)

        @as_delayed_task
        @router.post("/hello")
        def hello() -> None: ...

        assert hello.delay() is client.create_task.return_value
        assert client.create_task.call_args.kwargs.keys() == {"request", "timeout"}
        assert [one[0] for one in client.method_calls] == ["create_queue", "create_task"]


async def test_async_mocks_with_the_clients_spec_are_clients_and_their_answers_pass_through() -> None:
    for client in (mock.Mock(spec=CloudTasksAsyncClient), mock.create_autospec(CloudTasksAsyncClient, instance=True)):
        router = async_delayed_router(client, auto_create_queue=True)

        @as_async_delayed_task
        @router.post("/hello")
        def hello() -> None: ...

        assert await hello.delay() is client.create_task.return_value
        assert client.create_task.call_args.kwargs.keys() == {"request", "timeout"}
        assert [one[0] for one in client.method_calls] == ["create_queue", "create_task"]


def test_the_twins_say_the_same() -> None:
    for name in ("delay", "options"):
        sync, twin = getattr(Delayed, name), getattr(AsyncDelayed, name)
        assert sync.__doc__ == twin.__doc__
        assert inspect.signature(sync) == inspect.signature(twin)
