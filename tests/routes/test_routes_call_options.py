"""The options that say when a task is due, how long it may take, and which headers it has."""

import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest
from fastapi import Header
from google.cloud.tasks_v2 import CreateTaskRequest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from fastapi_gcp_tasks import as_delayed_task, task_default_options
from fastapi_gcp_tasks.hooks import deadline_delayed_hook
from gcptasks.engine.task_limits import LARGEST
from routes.routes_fakes import FakeClient, Payload, delayed_router

NAIVE_PAST = datetime(2026, 1, 1)  # noqa: DTZ001 - a naive time is what is given
client = FakeClient()
router = delayed_router(client)


@as_delayed_task
@router.post("/hello")
def hello(p: Payload, x_token: Annotated[str, Header()] = "") -> None: ...


@as_delayed_task
@router.get("/ping")
def ping() -> None: ...


any_ping: Any = ping


@pytest.fixture(autouse=True)
def _forget() -> None:
    client.requests.clear()


def sent() -> Any:
    """The one task that was sent, raw."""
    (request,) = client.requests
    return CreateTaskRequest.pb(request).task


@given(at=st.datetimes(max_value=NAIVE_PAST), hours=st.integers(-23, 23))
def test_an_aware_time_is_that_instant_and_a_naive_one_is_utc(at: datetime, hours: int) -> None:
    for given_, meant in (
        (at, at.replace(tzinfo=UTC)),
        (at.replace(tzinfo=UTC), at.replace(tzinfo=UTC)),
        (elsewhere(at, hours), elsewhere(at, hours)),
    ):
        if given_ is not None and meant is not None:
            client.requests.clear()
            ping.options(schedule_time=given_).delay()
            assert sent().schedule_time.ToDatetime(UTC) == meant


@pytest.fixture
def in_tokyo() -> Generator[None]:
    """This machine's clock is nine hours ahead of UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_a_naive_time_is_utc_wherever_the_caller_runs() -> None:
    assert NAIVE_PAST.astimezone().utcoffset() == timedelta(hours=9)
    ping.options(schedule_time=NAIVE_PAST).delay()
    assert sent().schedule_time.ToDatetime(UTC) == NAIVE_PAST.replace(tzinfo=UTC)


def elsewhere(at: datetime, hours: int) -> datetime | None:
    """That time on a clock elsewhere, if UTC can show it."""
    there = at.replace(tzinfo=timezone(timedelta(hours=hours)))
    try:
        there.astimezone(UTC)
    except OverflowError:
        return None
    return there


def test_a_time_of_another_zone_that_utc_cannot_show_is_refused() -> None:
    at = datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))
    with pytest.raises(ValueError, match=r"schedule_time .* is no time that UTC can show"):
        ping.options(schedule_time=at)


@pytest.mark.parametrize("at", ["2026-01-01", 5, timedelta(days=1)])
def test_a_time_that_is_none_is_refused(at: Any) -> None:
    with pytest.raises(TypeError, match="schedule_time must be a datetime"):
        ping.options(schedule_time=at)


def test_thirty_days_ahead_is_the_most() -> None:
    """CT-099."""
    now = datetime.now(UTC)
    ping.options(schedule_time=now + timedelta(days=30)).delay()
    late = ping.options(schedule_time=now + timedelta(days=30, minutes=1))
    with pytest.raises(ValueError, match="a task can be due at most 30 days ahead, not at 20"):
        late.delay()
    ping.options(countdown=30 * 86400).delay()
    with pytest.raises(ValueError, match="countdown can be 30 days at most, not 2592001 seconds"):
        ping.options(countdown=30 * 86400 + 1)
    assert len(client.requests) == 2


def test_one_call_says_only_in_one_way_when_it_is_due() -> None:
    with pytest.raises(TypeError, match="countdown and schedule_time say the same in two ways: give one of them"):
        ping.options(countdown=5, schedule_time=datetime.now(UTC))


@pytest.mark.parametrize("over", ["countdown", "schedule_time"])
def test_either_replaces_the_other_of_a_layer_below(over: str) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    ways: dict[str, Any] = {"countdown": 60, "schedule_time": at}
    (under,) = ways.keys() - {over}
    any_options: Any = task_default_options

    def endpoint() -> None: ...

    task: Any = any_options(**{under: ways[under]})(router.get(f"/{over}")(endpoint))
    task.options(**{over: ways[over]}).delay()
    due = sent().schedule_time.ToDatetime(UTC)
    assert (due == at) is (over == "schedule_time")
    client.requests.clear()
    task.options(**{under: None}).delay()
    assert not sent().HasField("schedule_time")


@pytest.mark.parametrize("deadline", [15, 90.5, 1800, timedelta(seconds=20), timedelta(minutes=30)])
def test_a_deadline_is_seconds_or_a_span(deadline: float | timedelta) -> None:
    ping.options(dispatch_deadline=deadline).delay()
    span = deadline if isinstance(deadline, timedelta) else timedelta(seconds=deadline)
    assert sent().dispatch_deadline.ToTimedelta() == span


@pytest.mark.parametrize("deadline", [14.9, 0, 1801, 1e300, timedelta(seconds=14), timedelta(hours=1)])
def test_a_deadline_that_the_service_does_not_take_is_refused(deadline: float | timedelta) -> None:
    """CT-097."""
    with pytest.raises(ValueError, match="dispatch_deadline must be from 15 to 1800 seconds, not"):
        ping.options(dispatch_deadline=deadline)


def test_a_hook_cannot_pass_the_limits_either() -> None:
    def far(request: CreateTaskRequest) -> CreateTaskRequest:
        CreateTaskRequest.pb(request).task.schedule_time.FromSeconds(int(time.time()) + 31 * 86400)
        return request

    def large(request: CreateTaskRequest) -> CreateTaskRequest:
        request.task.http_request.body = bytes(LARGEST)
        return request

    hooks: list[tuple[Callable[[CreateTaskRequest], CreateTaskRequest], str]] = [
        (far, "at most 30 days ahead"),
        (large, "the service takes 1048569 at most"),
        (deadline_delayed_hook(duration=Duration(seconds=5)), "the dispatch deadline must be from 0:00:15 to 0:30:00"),
    ]
    for hook, reason in hooks:
        with pytest.raises(ValueError, match=reason):
            ping.options(pre_create_hook=hook).delay()
    assert client.requests == []


def test_a_task_that_is_too_large_is_refused_before_it_is_sent() -> None:
    """CT-101."""
    with pytest.raises(ValueError, match=r"the task has \d+ bytes, and the service takes 1048569 at most: keep the"):
        hello.delay(p=Payload(message="x" * LARGEST))
    assert client.requests == []
    hello.delay(p=Payload(message="x" * (LARGEST - 1000)))
    assert len(client.requests) == 1


def test_headers_are_added_in_lower_case_to_those_of_arguments() -> None:
    hello.options(headers={"X-Trace": "abc", "Authorization": "Bearer a"}).delay(p=Payload(message="hi"), x_token="t")
    assert dict(sent().http_request.headers) == {
        "x-trace": "abc",
        "authorization": "Bearer a",
        "x-token": "t",
        "content-type": "application/json",
    }


def test_headers_of_a_call_replace_those_of_the_endpoint() -> None:
    @as_delayed_task
    @task_default_options(headers={"x-a": "1"})
    @router.get("/headers")
    def endpoint() -> None: ...

    endpoint.delay()
    endpoint.options(headers={"x-b": "2"}).delay()
    assert [dict(one.task.http_request.headers) for one in client.requests] == [{"x-a": "1"}, {"x-b": "2"}]


@pytest.mark.parametrize(
    ("headers", "kind", "reason"),
    [
        ({"X-CloudTasks-TaskName": "a"}, ValueError, "headers: the queue service sets the header"),
        ({"Host": "a"}, ValueError, "headers: the queue service drops the header 'host'"),
        ({"User-Agent": "a"}, ValueError, "headers: the queue service replaces the header 'user-agent'"),
        ({"x y": "a"}, ValueError, "headers: 'x y' is not a name that a header can have"),
        ({"x-a": "ä"}, ValueError, "headers: the header 'x-a' carries printable ASCII"),
        ({"x-a": "1", "X-A": "2"}, ValueError, "headers: there are two headers 'x-a'"),
        ({"x-a": 1}, TypeError, "headers: the value of 'x-a' must be a string, not 1"),
        ([("x-a", "1")], TypeError, "headers must be a mapping whose keys are strings"),
    ],
)
def test_headers_that_would_not_arrive_are_refused(headers: Any, kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        ping.options(headers=headers)


def test_a_header_has_one_source() -> None:
    with pytest.raises(ValueError, match="the option headers cannot have 'x-token': an argument of this call sets it"):
        hello.options(headers={"X-Token": "a"}).delay(p=Payload(message="hi"), x_token="t")
    with pytest.raises(ValueError, match="cannot have 'content-type': the body sets it"):
        hello.options(headers={"Content-Type": "text/plain"}).delay(p=Payload(message="hi"))
    hello.options(headers={"X-Token": "a"}).delay(p=Payload(message="hi"))
    assert sent().http_request.headers["x-token"] == "a"
