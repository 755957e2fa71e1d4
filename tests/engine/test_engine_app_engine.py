"""Requests to App Engine: what is kept of them, what is refused, and what an attempt sends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import InvalidArgument, Unreachable
from gcptasks.base.names import LocationName, QueueName, TaskName
from gcptasks.engine import app_engine, delivery, task_limits, task_size, tasks
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import (
    AppEngineRequest,
    AppEngineRouting,
    HttpRequest,
    NewTask,
    Queue,
    Reply,
    Request,
    RetryConfig,
    Task,
)

LOCATION = LocationName("shop", "europe-west1")
QUEUE = Queue(name=QueueName(LOCATION, "q"))
NAME = TaskName(QUEUE.name, "t")
NOW = datetime(2030, 1, 2, 3, 4, 5, 120000, UTC)
HOST = "shop.europe-west1.r.appspot.com"
ADDRESS = "http://localhost:8080"
USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"


def created(request: Request, name: TaskName = NAME, **given: Any) -> Task:
    task = tasks.create(NewTask(queue=name.queue, name=name, request=request, **given), name, NOW).task
    assert task is not None
    return task


def kept(**sent: Any) -> AppEngineRequest:
    request = created(AppEngineRequest(**sent)).request
    assert isinstance(request, AppEngineRequest)
    return request


def sent_for(task: Task, previous: int | None = None, queue: Queue = QUEUE) -> Outgoing:
    return delivery.outgoing(task, queue, previous, ADDRESS)


# What is kept


def test_a_request_with_nothing_in_it_is_filled_in() -> None:
    """CT-106, CT-118, CT-122."""
    task = created(AppEngineRequest(relative_uri=""))
    assert task.request == AppEngineRequest(relative_uri="/", method="POST", headers={"User-Agent": USER_AGENT})
    assert task.dispatch_deadline == timedelta(0)


@pytest.mark.parametrize(
    ("headers", "added"),
    [
        ({}, {"Content-Type": "application/octet-stream"}),
        ({"content-TYPE": "text/plain"}, {}),
        ({"Content-Length": "9"}, {"Content-Type": "application/octet-stream"}),
    ],
    ids=["CT-122 no type", "CT-122 a type of its own", "CT-249 a length of its own"],
)
def test_a_body_has_a_length_and_a_type(headers: dict[str, str], added: dict[str, str]) -> None:
    own = {name: value for name, value in headers.items() if name != "Content-Length"}
    expected = {**own, "User-Agent": USER_AGENT, "Content-Length": "5", **added}
    assert kept(headers=headers, body=b"hello").headers == expected


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("mine/1", f"mine/1 {USER_AGENT}"),
        (" mine\n", f"mine_ {USER_AGENT}"),
        ("", USER_AGENT),
        (" ", USER_AGENT),
        ("ü", USER_AGENT),
        ("x" * 8188, USER_AGENT),
    ],
)
@pytest.mark.parametrize("name", ["User-Agent", "user-AGENT"])
def test_google_is_appended_to_a_user_agent(name: str, sent: str, stored: str) -> None:
    """CT-194; one that no header can be is dropped, as in CT-290 and CT-105."""
    assert kept(headers={name: sent}).headers == {"User-Agent": stored}


def test_headers_that_are_google_s_are_dropped() -> None:
    """CT-249."""
    dropped = {"X-AppEngine-TaskName": "spoofed", "x-google-a": "1", "Host": "h", "X-Mine": "1"}
    assert kept(headers=dropped).headers == {"X-Mine": "1", "User-Agent": USER_AGENT}


@pytest.mark.parametrize("uri", ["/a?b=c#d", "/ü", "/%zz", "//", "/" + "x" * 2082])
def test_a_relative_uri_is_kept_as_sent(uri: str) -> None:
    """CT-106: a fragment too."""
    assert kept(relative_uri=uri).relative_uri == uri


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"relative_uri": "a"}, "AppEngineHttpRequest.relative_uri must start with '/'."),
        ({"relative_uri": "http://x/"}, "AppEngineHttpRequest.relative_uri must start with '/'."),
        (
            {"relative_uri": "/a b"},
            "AppEngineHttpRequest.relative_uri must not contain spaces or control characters.",
        ),
        (
            {"relative_uri": "/a\r\nHost:x"},
            "AppEngineHttpRequest.relative_uri must not contain spaces or control characters.",
        ),
        (
            {"relative_uri": "/" + "x" * 2083},
            "AppEngineHttpRequest.relative_uri must be at most 2083 characters long.",
        ),
        *(
            (
                {"method": method, "body": b"x"},
                "AppEngineHttpRequest.body can only be set if the http_method is POST or PUT.",
            )
            for method in ("GET", "HEAD", "DELETE", "PATCH", "OPTIONS")
        ),
        (
            {"headers": {f"X-{n:02}": "v" * 8184 for n in range(11)}},
            "AppEngineHttpRequest.headers must be at most 80KB in total.",
        ),
        (
            {"routing": AppEngineRouting(version="a.b")},
            "AppEngineRouting.version can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-), "
            "and at most 100 of them, not 'a.b'.",
        ),
    ],
    ids=["CT-106 no slash", "CT-106 a URL", "CT-106 a space", "CT-106 a line", "CT-106 too long"]
    + [f"CT-104 {method}" for method in ("GET", "HEAD", "DELETE", "PATCH", "OPTIONS")]
    + ["CT-105", "no part of a host"],
)
def test_what_no_app_can_be_sent_is_refused(given: dict[str, Any], refusal: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        kept(**given)
    assert refused.value.message == refusal


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_these_methods_may_have_a_body(method: str) -> None:
    """CT-104."""
    assert kept(method=method, body=b"x").method == method


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (timedelta(0), timedelta(0)),
        (timedelta(seconds=15), timedelta(seconds=15)),
        (timedelta(hours=24, seconds=15), timedelta(hours=24, seconds=15)),
        (timedelta(seconds=20, microseconds=123456), timedelta(seconds=20.123)),
    ],
    ids=["CT-197", "CT-098 shortest", "CT-098 longest", "CT-292"],
)
def test_a_deadline_is_kept(sent: timedelta, stored: timedelta) -> None:
    assert created(AppEngineRequest(), dispatch_deadline=sent).dispatch_deadline == stored


@pytest.mark.parametrize("sent", [timedelta(seconds=-1), timedelta(seconds=14), timedelta(hours=24, seconds=16)])
def test_a_deadline_out_of_range_is_refused(sent: timedelta) -> None:
    """CT-098."""
    with pytest.raises(InvalidArgument) as refused:
        created(AppEngineRequest(), dispatch_deadline=sent)
    assert refused.value.message == "Task.dispatchDeadline must be between [15s, 24h15s]."


# Which host is meant


@pytest.mark.parametrize(
    ("routing", "host"),
    [
        (AppEngineRouting(), HOST),
        (AppEngineRouting(service="mails"), f"mails.{HOST}"),
        (AppEngineRouting(version="v1"), f"v1.{HOST}"),
        (AppEngineRouting(service="mails", version="v1"), f"v1.mails.{HOST}"),
        (AppEngineRouting(service="mails", version="v1", instance="0"), f"0.v1.mails.{HOST}"),
    ],
)
def test_a_host_names_the_part_of_the_app(routing: AppEngineRouting, host: str) -> None:
    """CT-123, CT-190."""
    assert app_engine.host(routing, LOCATION) == host
    assert sent_for(created(AppEngineRequest(routing=routing))).host == host


def test_the_project_of_a_domain_has_a_host_too() -> None:
    location = LocationName("example.com:shop", "l")
    assert app_engine.host(AppEngineRouting(), location) == "shop.example.com.l.r.appspot.com"


def test_the_queue_s_routing_replaces_the_task_s() -> None:
    """CT-047, CT-190: also with one that names nothing."""
    task = created(AppEngineRequest(routing=AppEngineRouting(service="mails", version="v1")))
    for override, host in ((AppEngineRouting(service="other"), f"other.{HOST}"), (AppEngineRouting(), HOST)):
        assert sent_for(task, queue=replace(QUEUE, app_engine_routing_override=override)).host == host
    assert task.request == created(task.request).request


def test_the_queue_s_routing_is_nothing_to_an_http_task() -> None:
    """CT-047."""
    queue = replace(QUEUE, app_engine_routing_override=AppEngineRouting(service="other"))
    task = created(HttpRequest(url="http://worker.test/"))
    assert sent_for(task, queue=queue) == sent_for(task)
    assert sent_for(task).host == ""


# What is sent


def test_an_attempt_goes_to_the_address_in_the_name_of_the_host() -> None:
    """CT-190, CT-191, CT-196, CT-197, CT-L8."""
    task = created(AppEngineRequest(relative_uri="/a?b=c", method="PUT", headers={"X-Mine": "1"}, body=b"hello"))
    assert sent_for(tasks.dispatched(task, NOW)) == Outgoing(
        method="PUT",
        url="http://localhost:8080/a?b=c",
        headers=[
            ("X-Mine", "1"),
            ("User-Agent", USER_AGENT),
            ("Content-Length", "5"),
            ("Content-Type", "application/octet-stream"),
            ("X-AppEngine-QueueName", "q"),
            ("X-AppEngine-TaskName", "t"),
            ("X-AppEngine-TaskRetryCount", "0"),
            ("X-AppEngine-TaskExecutionCount", "0"),
            ("X-AppEngine-TaskETA", "1893553445.12"),
        ],
        body=b"hello",
        deadline=timedelta(minutes=10),
        host=HOST,
        follows_redirects=False,
    )


def test_an_attempt_has_the_task_s_own_deadline() -> None:
    """CT-098."""
    task = created(AppEngineRequest(), dispatch_deadline=timedelta(hours=1))
    assert sent_for(task).deadline == timedelta(hours=1)


def test_without_an_address_nothing_can_be_sent() -> None:
    """CT-L8."""
    with pytest.raises(Unreachable, match="set --app-engine or APP_ENGINE_EMULATOR_HOST to its address"):
        delivery.outgoing(created(AppEngineRequest()), QUEUE, None)


def test_every_response_counts_and_is_told_to_the_next_attempt() -> None:
    """CT-192, CT-193: no response in time is told as 0."""
    task, previous = created(AppEngineRequest()), None
    seen: list[tuple[str, ...]] = []
    for status in (503, 404, 429, 504, 500, 0, 302):
        task = tasks.dispatched(task, NOW)
        headers = dict(sent_for(task, previous).headers)
        names = ("RetryCount", "ExecutionCount", "PreviousResponse", "RetryReason")
        seen.append(tuple(headers.get(f"X-AppEngine-Task{name}", "") for name in names))
        assert task.last_attempt is not None
        failed = tasks.answered(task, task.last_attempt, Reply(status=status), RetryConfig(), NOW).task
        assert failed is not None
        task, previous = failed, status
    assert seen == [
        ("0", "0", "", ""),
        ("1", "1", "503", "App Error"),
        ("2", "2", "404", "App Error"),
        ("3", "3", "429", "App Error"),
        ("4", "3", "0", "Instance Unavailable"),
        ("5", "4", "500", "App Error"),
        ("6", "4", "0", "Instance Unavailable"),
    ]
    assert task.response_count == 5


def test_an_attempt_that_was_lost_had_no_response() -> None:
    task = tasks.dispatched(tasks.dispatched(created(AppEngineRequest()), NOW), NOW)
    headers = dict(sent_for(task, None).headers)
    assert headers["X-AppEngine-TaskPreviousResponse"] == "0"
    assert headers["X-AppEngine-TaskRetryReason"] == "Instance Unavailable"


@pytest.mark.parametrize(("status", "waits"), [(503, timedelta(hours=1)), (429, timedelta(seconds=0.1))])
def test_retry_after_is_considered_with_503_alone(status: int, waits: timedelta) -> None:
    """CT-195, CT-L7."""
    task = tasks.dispatched(created(AppEngineRequest()), NOW)
    assert task.last_attempt is not None
    reply = Reply(status=status, retry_after=timedelta(hours=1))
    failed = tasks.answered(task, task.last_attempt, reply, RetryConfig(), NOW).task
    assert failed is not None
    assert failed.scheduled_at == NOW + waits


# For all requests

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
REQUEST = st.builds(
    AppEngineRequest,
    relative_uri=TEXT | TEXT.map(lambda text: "/" + text),
    method=st.sampled_from(["POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]),
    routing=st.builds(AppEngineRouting, service=TEXT, version=st.text("aB-9", max_size=3)),
    headers=st.dictionaries(TEXT | st.sampled_from(["User-Agent", "content-type", "X-AppEngine-A", "Host"]), TEXT),
    body=st.binary(max_size=3),
)


@given(REQUEST)
def test_what_is_kept_is_kept_again_as_it_is(sent: AppEngineRequest) -> None:
    try:
        stored = app_engine.stored(sent)
    except InvalidArgument:
        return
    assert app_engine.stored(stored) == stored
    assert stored.headers["User-Agent"].endswith(USER_AGENT)
    assert all(name.isascii() and value.isascii() and value for name, value in stored.headers.items())
    assert not any(name.lower().startswith("x-appengine-") for name in stored.headers)
    assert ("Content-Length" in stored.headers) == bool(sent.body)
    assert app_engine.host(stored.routing, LOCATION).isascii()


def test_the_largest_task_is_kept_and_one_byte_more_is_refused() -> None:
    """CT-101, CT-102, CT-245: with a project that is long in the name and in the host."""
    name = TaskName(QueueName(LocationName("p" * 300_000, "l"), "q"), "t")
    near = task_limits.LARGEST - task_size.size(created(AppEngineRequest(body=b"x"), name)) - 20
    largest = near + task_limits.LARGEST - task_size.size(created(AppEngineRequest(body=bytes(near)), name))
    assert task_size.size(created(AppEngineRequest(body=bytes(largest)), name)) == task_limits.LARGEST
    with pytest.raises(InvalidArgument, match="Task size too large"):
        created(AppEngineRequest(body=bytes(largest + 1)), name)
