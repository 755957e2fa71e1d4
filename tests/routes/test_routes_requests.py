"""From `.delay(...)` to the request that the client gets: api.md section 1."""

import time
from typing import Any

import pytest
from google.cloud.tasks_v2 import CreateTaskRequest, HttpMethod, HttpRequest, Task

from fastapi_gcp_tasks import as_async_delayed_task, as_delayed_task
from fastapi_gcp_tasks.exception import MissingParamError, WrongTypeError
from routes.routes_fakes import QUEUE, FakeAsyncClient, FakeClient, Payload, async_delayed_router, delayed_router

client = FakeClient()
async_client = FakeAsyncClient()
router = delayed_router(client)
async_router = async_delayed_router(async_client, auto_create_queue=True)


@as_delayed_task
@router.post("/hello/{name}")
def hello(name: str, p: Payload, token: str = "") -> None: ...


@as_async_delayed_task
@async_router.post("/hello/{name}")
async def async_hello(name: str, p: Payload, token: str = "") -> None: ...


@as_delayed_task
@router.get("/ping")
def ping() -> None: ...


@pytest.fixture(autouse=True)
def _forget() -> None:
    client.requests.clear()
    async_client.requests.clear()
    client.timeouts.clear()


EXPECTED = CreateTaskRequest(
    parent=QUEUE,
    task=Task(
        http_request=HttpRequest(
            url="https://worker.example.com/hello/a%20b?token=t",
            http_method=HttpMethod.POST,
            headers={"content-type": "application/json"},
            body=b'{"message":"hi"}',
        )
    ),
)


async def test_the_request_is_what_google_documents_and_the_answer_comes_back() -> None:
    task = hello.delay(name="a b", p=Payload(message="hi"), token="t")
    assert isinstance(task, Task)
    assert task.name == f"{QUEUE}/tasks/1"
    assert client.requests == [EXPECTED]
    assert client.timeouts == [10.0]

    await async_hello.delay(name="a b", p=Payload(message="hi"), token="t")
    assert async_client.requests == [EXPECTED]
    assert async_client.timeouts == [10.0]


@pytest.mark.parametrize("size", [2, 84, 85, 101, 102, 103, 127, 128, 16_350, 16_383, 16_384, 100_000, 400_000])
def test_a_body_of_any_size_is_carried_whole(size: int) -> None:
    hello.delay(name="x" * (size // 2), p=Payload(message="é" * size))
    request = client.requests[0].task.http_request
    assert request.url == f"https://worker.example.com/hello/{'x' * (size // 2)}"
    assert request.body == f'{{"message":"{"é" * size}"}}'.encode()


def test_a_base_url_may_hold_letters_of_any_script() -> None:
    ping.options(callback_base_url="https://münchen.example/büro").delay()
    hello.options(callback_base_url="https://münchen.example/büro").delay(name="x", p=Payload(message="hi"))
    assert [request.task.http_request.url for request in client.requests] == [
        "https://münchen.example/büro/ping",
        "https://münchen.example/büro/hello/x",
    ]


def test_a_request_without_arguments_has_neither_headers_nor_body() -> None:
    ping.delay()
    assert client.requests == [
        CreateTaskRequest(
            parent=QUEUE,
            task=Task(
                http_request=HttpRequest(url="https://worker.example.com/ping", http_method=HttpMethod.GET),
            ),
        )
    ]


def test_one_request_does_not_touch_the_next() -> None:
    """The hook may keep and change what it gets."""

    def spoil(request: CreateTaskRequest) -> CreateTaskRequest:
        request.task.http_request.headers["x-spoilt"] = "yes"
        request.task.name = "spoilt"
        request.parent = "elsewhere"
        return request

    hello.options(pre_create_hook=spoil).delay(name="a b", p=Payload(message="hi"), token="t")
    hello.delay(name="a b", p=Payload(message="hi"), token="t")
    spoilt, clean = client.requests
    assert spoilt.parent == "elsewhere"
    assert clean == EXPECTED


@pytest.mark.parametrize("countdown", [1, 1800, 0.25, 86400.5])
def test_countdown_is_seconds_from_the_call(countdown: float) -> None:
    before = time.time_ns()
    ping.options(countdown=countdown).delay()
    after = time.time_ns()
    at = CreateTaskRequest.pb(client.requests[0]).task.schedule_time.ToNanoseconds()
    assert before <= at - countdown * 10**9 <= after


@pytest.mark.parametrize("countdown", [0, 0.0, None])
def test_no_countdown_leaves_the_time_to_the_queue(countdown: float | None) -> None:
    ping.options(countdown=countdown).delay()
    assert "schedule_time" not in client.requests[0].task


@pytest.mark.parametrize("countdown", [-1, -0.001, float("nan"), float("inf")])
def test_a_countdown_into_the_past_or_to_no_time_is_refused(countdown: float) -> None:
    with pytest.raises(ValueError, match="countdown must be 0 seconds or more"):
        ping.options(countdown=countdown)


@pytest.mark.parametrize("countdown", ["1", True, [1]])
def test_a_countdown_that_is_no_number_is_refused(countdown: Any) -> None:
    with pytest.raises(TypeError, match="countdown must be a number of seconds"):
        ping.options(countdown=countdown)


@pytest.mark.parametrize("task_id", ["a", "Chili-2026_07", "x" * 500])
def test_a_task_id_names_the_task(task_id: str) -> None:
    ping.options(task_id=task_id).delay()
    assert client.requests[0].task.name == f"{QUEUE}/tasks/{task_id}"


@pytest.mark.parametrize("task_id", ["", "a/b", "a b", "é", "a.b", "a\n", "x" * 501])
def test_a_task_id_that_google_refuses_is_refused_at_the_call(task_id: str) -> None:
    """Google takes 1 to 500 letters, digits, hyphens and underscores (CT-022, CT-026)."""
    with pytest.raises(ValueError, match="task_id must be 1 to 500 letters, digits, hyphens and underscores"):
        ping.options(task_id=task_id)


def test_a_task_id_that_is_no_string_is_refused() -> None:
    task_id: Any = 5
    with pytest.raises(TypeError, match="task_id must be a string"):
        ping.options(task_id=task_id)


async def test_arguments_that_do_not_fit_are_refused_before_anything_happens() -> None:
    def fail() -> Any:
        raise AssertionError("no client is needed for this")

    fresh_client = FakeClient()
    fresh = delayed_router(fresh_client)
    async_fresh = async_delayed_router(fail, auto_create_queue=True)

    def endpoint(p: Payload) -> None: ...
    async def async_endpoint(p: Payload) -> None: ...

    task = as_delayed_task(fresh.post("/hello")(endpoint))
    async_task: Any = async_fresh.post("/hello")(async_endpoint)
    wrong: Any = {"message": "hi"}
    with pytest.raises(MissingParamError, match="p"):
        task.delay()  # type: ignore[call-arg]  # that is the test  # pyright: ignore[reportCallIssue]
    with pytest.raises(WrongTypeError, match="p"):
        task.delay(p=wrong)
    with pytest.raises(TypeError, match="nope"):
        task.delay(p=Payload(message="hi"), nope=1)  # type: ignore[call-arg]  # as above  # pyright: ignore[reportCallIssue]
    with pytest.raises(MissingParamError, match="p"):
        await async_task.delay()
    assert fresh_client.queues == []
    assert fresh_client.requests == []


def test_an_argument_may_have_any_name() -> None:
    """Ours take no place in the endpoint's namespace."""
    router = delayed_router(client)

    def endpoint(self: str, args: str, options: str, values: str, client: str) -> None: ...

    task: Any = router.post("/names")(endpoint)
    task.delay(self="1", args="2", options="3", values="4", client="5")
    assert client.requests[0].task.http_request.url.endswith("?self=1&args=2&options=3&values=4&client=5")
