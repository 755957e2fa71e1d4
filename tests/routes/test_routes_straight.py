"""`.delay` where the service is in this process: no request of Google's between, and nobody can tell."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any
from unittest.mock import AsyncMock, Mock

import pytest
from fastapi import APIRouter, Header
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, CreateTaskRequest, GetTaskRequest, Task
from hypothesis import given
from hypothesis import strategies as st

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder, LocalService
from fastapi_gcp_tasks.hooks import noop_hook
from gcptasks.base import wall_clock
from gcptasks.engine.task_limits import LARGEST
from routes.routes_fakes import QUEUE, URL, FakeAsyncClient, Payload

OTHER_QUEUE = "projects/other/locations/l/queues/other"


def endpoints(route_class: Any) -> dict[str, Any]:
    """One of each kind of request."""
    router = APIRouter(route_class=route_class)

    @router.post("/model")
    def model(p: Payload) -> None: ...

    @router.get("/nothing")
    def nothing() -> None: ...

    @router.put("/path/{name}")
    def path(name: str, p: Payload, number: int = 0) -> None: ...

    @router.post("/header")
    def header(p: Payload, x_token: Annotated[str, Header()] = "") -> None: ...

    return {one.__name__: one for one in (model, nothing, path, header)}


local = LocalService("memory:", app_url=URL, reuse_names=True)
client = local.tasks_client()
blocking = endpoints(DelayedRouteBuilder(client=client, base_url=URL, queue_path=QUEUE))
awaited = endpoints(AsyncDelayedRouteBuilder(client=local.async_tasks_client, base_url=URL, queue_path=QUEUE))

payloads = st.builds(Payload, message=st.text(max_size=20))
arguments: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "model": st.fixed_dictionaries({"p": payloads}),
    "nothing": st.just(dict[str, Any]()),
    "path": st.fixed_dictionaries(
        {"name": st.text(max_size=20), "p": payloads}, optional={"number": st.integers(-5, 5)}
    ),
    "header": st.fixed_dictionaries({"p": payloads}, optional={"x_token": st.sampled_from(["a", "b c"])}),
}
calls = st.sampled_from(sorted(arguments)).flatmap(lambda name: st.tuples(st.just(name), arguments[name]))
optional: dict[str, st.SearchStrategy[Any]] = {
    "task_id": st.sampled_from(["one", "two"]),
    "dispatch_deadline": st.sampled_from([15, 20.0005, 1800]),
    "headers": st.sampled_from([{"x-mine": "1"}, {"user-agent-not": "a b", "x-mine": "2"}]),
    "queue_path": st.sampled_from([QUEUE, OTHER_QUEUE]),
    "callback_base_url": st.sampled_from(["http://\u00e9.example.com", f"{URL}/{'a' * 2100}"]),
}
countdowns: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"countdown": st.sampled_from([0, 1, 1.5, 2_592_000])}
)
days = st.sampled_from([-9, 0.5, 29, 31]).map(timedelta)
times: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"schedule_time": days.map(lambda span: datetime.now(UTC) + span)}
)
due = st.just(dict[str, Any]()) | countdowns | times


def joined(some: dict[str, Any], at: dict[str, Any]) -> dict[str, Any]:
    return {**some, **at}


options = st.builds(joined, st.fixed_dictionaries({}, optional=optional), due)


def outcome(make: Callable[[], Any]) -> tuple[Any, ...]:
    """What was answered, and what is kept now; or what was raised."""
    try:
        made = make()
        answer: Task = asyncio.run(awaited_task(made)) if inspect.isawaitable(made) else made
    except (GoogleAPICallError, ValueError, TypeError) as error:
        return type(error), str(error)
    assert type(answer) is Task
    kept = client.get_task(request=GetTaskRequest(name=answer.name, response_view=Task.View.FULL))
    client.delete_task(name=answer.name)
    raw: list[Any] = [Task.pb(one) for one in (answer, kept)]
    now = time.time()
    assert [abs(one.create_time.seconds - now) < 600 for one in raw] == [True, True]
    hours = [round((one.schedule_time.seconds - now) / 3600) for one in raw]
    for one in raw:
        queue, _, id = one.name.rpartition("/tasks/")
        one.name = f"{queue}/tasks/{'made' if id.isdigit() else id}"
        one.ClearField("schedule_time")
        one.ClearField("create_time")
    return *raw, hours


async def awaited_task(made: Awaitable[Task]) -> Task:
    return await made


@pytest.mark.parametrize("called", [blocking, awaited], ids=["blocking", "awaited"])
@given(call=calls, given_options=options)
def test_a_task_is_the_same_as_by_a_request_that_a_hook_sees(
    called: dict[str, Any], call: tuple[str, dict[str, Any]], given_options: dict[str, Any]
) -> None:
    name, values = call
    straight = called[name].options(**given_options)
    hooked = straight.options(pre_create_hook=noop_hook)
    expected = outcome(lambda: hooked.delay(**values))
    for _ in range(2):
        assert outcome(lambda: straight.delay(**values)) == expected


@pytest.mark.parametrize("called", [blocking, awaited], ids=["blocking", "awaited"])
@pytest.mark.parametrize("size", [LARGEST // 2 - 100, LARGEST // 2 + 100, LARGEST - 400, LARGEST - 100, 2 * LARGEST])
def test_a_large_one_is_taken_and_refused_alike(called: dict[str, Any], size: int) -> None:
    values = {"name": "a" * 50, "p": Payload(message="x" * size)}
    hooked = called["path"].options(pre_create_hook=noop_hook)
    assert outcome(lambda: called["path"].delay(**values)) == outcome(lambda: hooked.delay(**values))


@pytest.mark.parametrize("called", [blocking, awaited], ids=["blocking", "awaited"])
def test_a_refusal_that_tells_a_time_tells_the_same_nanosecond(
    called: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wall_clock, "now_ns", lambda: 4_000_000_000_123_456_789)
    straight = called["model"].options(countdown=1.5)
    hooked = straight.options(pre_create_hook=noop_hook)
    refused, expected = (outcome(partial(task.delay, p=Payload(message="a"))) for task in (straight, hooked))
    assert refused == expected
    assert "2096-10-02T00:06:41.623456789" in refused[1]


@pytest.mark.parametrize("called", [blocking, awaited], ids=["blocking", "awaited"])
def test_it_makes_no_request_of_googles(called: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """That would take as long again."""
    monkeypatch.setattr(CreateTaskRequest, "wrap", Mock(side_effect=AssertionError("a request was made")))
    assert len(outcome(lambda: called["model"].options().delay(p=Payload(message="a")))) == 3
    with pytest.raises(AssertionError, match="a request was made"):
        outcome(lambda: called["model"].options(pre_create_hook=noop_hook).delay(p=Payload(message="a")))


Delay = Callable[[str], Task]


@pytest.fixture(params=["blocking", "awaited"])
def mine(request: pytest.FixtureRequest) -> tuple[Any, Delay, Any]:
    """A client, what creates a task by it, and Google's class."""
    if request.param == "blocking":
        client: Any = local.tasks_client()
        return client, delay_by(client), CloudTasksClient
    client = local.async_tasks_client()
    return client, delay_by(client), CloudTasksAsyncClient


def delay_by(client: Any) -> Delay:
    """What creates a task by that client."""
    is_async = isinstance(client, CloudTasksAsyncClient)
    builder: Any = AsyncDelayedRouteBuilder if is_async else DelayedRouteBuilder
    route_class = builder(client=client, base_url=URL, queue_path=QUEUE, auto_create_queue=False, task_create_timeout=7)
    model = endpoints(route_class)["model"]

    def delay(message: str) -> Task:
        made = model.delay(p=Payload(message=message))
        return asyncio.run(awaited_task(made)) if is_async else made

    return delay


@pytest.mark.parametrize("place", ["the client", "its class", "Google's class"])
def test_a_patched_method_is_called_as_documented(
    mine: tuple[Any, Delay, Any], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, delay, google = mine
    places: dict[str, Any] = {"the client": client, "its class": client.__class__, "Google's class": google}
    where = places[place]
    patch = (AsyncMock if google is CloudTasksAsyncClient else Mock)(return_value=Task(name="patched"))
    for message in "ab":
        assert delay("own").name != "patched"
        monkeypatch.setattr(where, "create_task", patch)
        assert delay(message).name == "patched"
        asked = patch.call_args.kwargs
        assert (asked.keys(), asked["timeout"]) == ({"request", "timeout"}, 7)
        assert asked["request"].task.http_request.body.decode() == f'{{"message":"{message}"}}'
        monkeypatch.undo()


def test_a_method_of_a_subclass_is_called_as_documented(mine: tuple[Any, Delay, Any]) -> None:
    client, *_ = mine
    ours = client.__class__
    asked: list[dict[str, Any]] = []

    def create_task(self: Any, **arguments: Any) -> Any:
        asked.append(arguments)
        return ours.create_task(self, **arguments)

    own: Any = type("Own", (ours,), {"create_task": create_task})
    delay = delay_by(own(transport=client.transport))
    assert [delay(message).http_request.url for message in "ab"] == [f"{URL}/model"] * 2
    assert [one["request"].task.http_request.body for one in asked] == [b'{"message":"a"}', b'{"message":"b"}']


def test_a_factory_may_turn_to_another_client() -> None:
    """On another loop, where the parts of a task become a request after all."""
    fake = FakeAsyncClient()
    clients = [local.async_tasks_client(), fake, local.async_tasks_client()]
    builder = AsyncDelayedRouteBuilder(client=lambda: clients.pop(0), base_url=URL, queue_path=QUEUE)
    model = endpoints(builder)["path"]
    urls = [asyncio.run(awaited_task(model.delay(name="a b", p=Payload(message="a")))).http_request.url for _ in "abc"]
    assert urls == [f"{URL}/path/a%20b", "", f"{URL}/path/a%20b"]
    (request,) = fake.requests
    assert request.task.http_request.url == f"{URL}/path/a%20b"


def test_arguments_that_do_not_fit_are_told_before_a_client_is_made() -> None:
    made = Mock(side_effect=local.async_tasks_client)
    model: Any = endpoints(AsyncDelayedRouteBuilder(client=made, base_url=URL, queue_path=QUEUE))["model"]
    for bad in ({}, {"p": "no"}, {"p": Payload(message="x" * LARGEST)}):
        with pytest.raises((TypeError, ValueError)):
            asyncio.run(awaited_task(model.delay(**bad)))
    assert made.call_count == 0
