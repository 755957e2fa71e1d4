"""Pushing to a service of this process: no request of Google's between, and nobody can tell."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, CreateTaskRequest, GetTaskRequest, Task
from hypothesis import given
from hypothesis import strategies as st

from fastapi_gcp_tasks import LocalService
from functions.functions_shop import APP, make_client
from gcptasks.engine.task_limits import LARGEST

local = LocalService("memory:", app_url=APP)
google = local.tasks_client()

Push = Callable[..., Any]

of_clients: dict[str, st.SearchStrategy[Any]] = {
    "secret": st.sampled_from(["", "known"]),
    "sae": st.just("me@p.iam.gserviceaccount.com"),
    "timeout": st.sampled_from([15, 30.5]),
    "queue": st.sampled_from(["default", "slow"]),
}
of_functions: dict[str, st.SearchStrategy[Any]] = {
    "headers": st.sampled_from([{"X-Own": "1"}, {"x-pyct-secret": "other"}]),
    "queue": st.just("fast"),
    "url": st.just("http://elsewhere.example.com/run"),
}


def greet(text: str) -> str:
    return text


def declared(of_client: dict[str, Any], of_function: dict[str, Any]) -> Any:
    client = make_client(client=google, async_client=local.async_tasks_client, **of_client)
    return client.task(name="greet", **of_function)(greet)


def outcome(push: Callable[[], str | None]) -> Any:
    """What is kept of a task that is pushed, without what is made for each; or what was raised."""
    try:
        name = push()
    except (GoogleAPICallError, ValueError) as error:
        return type(error), str(error)
    kept = google.get_task(request=GetTaskRequest(name=name, response_view=Task.View.FULL))
    google.delete_task(name=kept.name)
    raw: Any = Task.pb(kept)
    at = raw.schedule_time.seconds
    raw.name = raw.name.rpartition("/")[0]
    raw.ClearField("create_time")
    raw.ClearField("schedule_time")
    return raw, at


@given(
    of_client=st.fixed_dictionaries({}, optional=of_clients),
    of_function=st.fixed_dictionaries({}, optional=of_functions),
    text=st.text(max_size=20),
    hours=st.sampled_from([1, 800]),
)
def test_a_task_is_the_same_as_by_a_request(
    of_client: dict[str, Any], of_function: dict[str, Any], text: str, hours: int
) -> None:
    function = declared(of_client, of_function)
    at = datetime.now(UTC) + timedelta(hours=hours)
    expected = outcome(lambda: function(text).sync_push(at=at))  # a function's first is a request
    assert outcome(lambda: function(text).sync_push(at=at)) == expected
    assert outcome(lambda: asyncio.run(function(text).push(at=at))) == expected


@pytest.mark.parametrize("size", [LARGEST // 2 - 100, LARGEST // 2 + 100, LARGEST - 400, LARGEST - 50])
def test_a_large_one_is_taken_and_refused_alike(size: int) -> None:
    function = declared({}, {})
    at = datetime.now(UTC) + timedelta(hours=1)
    expected = outcome(lambda: function("a" * size).sync_push(at=at))
    assert outcome(lambda: function("a" * size).sync_push(at=at)) == expected
    assert outcome(lambda: asyncio.run(function("a" * size).push(at=at))) == expected


def test_it_makes_no_request_of_googles_but_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """That would take as long again."""
    wrap = Mock(wraps=CreateTaskRequest.wrap)
    monkeypatch.setattr(CreateTaskRequest, "wrap", wrap)
    function = declared({}, {})
    names = {function("a").sync_push(), function("a").sync_push(), asyncio.run(function("a").push())}
    assert (len(names), wrap.call_count) == (3, 1)


@pytest.mark.parametrize("place", ["the client", "Google's class"])
def test_a_patched_method_is_called_as_documented(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clients: Any = local.tasks_client(), local.async_tasks_client()
    client = make_client(client=clients[0], async_client=clients[1])
    function = client.task(name="greet")(greet)
    for _ in range(2):
        function("a").sync_push()
    places: Any = clients if place == "the client" else (CloudTasksClient, CloudTasksAsyncClient)
    for where, kind in zip(places, (Mock, AsyncMock), strict=True):
        monkeypatch.setattr(where, "create_task", kind(return_value=Task(name="patched")))
    assert (function("a").sync_push(), asyncio.run(function("a").push())) == ("patched", "patched")
    for where in places:
        assert where.create_task.call_args.kwargs["request"].task.http_request.url == f"{APP}/tasks/run"
