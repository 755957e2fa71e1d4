"""What a stored task looks like, and which headers it keeps (sections 9 and 10 of the contract)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud.tasks_v2 import Attempt, HttpMethod, RetryConfig, Task
from google.protobuf.duration_pb2 import Duration

from service.service_world import Api
from service.test_service_repeats import NEVER

USER_AGENT = {"User-Agent": "Google-Cloud-Tasks"}


def _kept(api: Api, headers: dict[str, str]) -> dict[str, str]:
    task = api.task(api.paused(), http={"headers": headers})
    stored = dict(api.get(task.name).http_request.headers)
    assert dict(task.http_request.headers) == stored
    return stored


def test_a_task_with_nothing_but_a_url_is_filled_in(api: Api) -> None:
    """CT-113 to CT-117, CT-119, CT-121, CT-126."""
    before = datetime.now(UTC)
    queue = api.paused()
    task = api.task(queue)
    assert task.name.startswith(f"{queue}/tasks/")
    assert before <= task.schedule_time <= datetime.now(UTC)
    assert task == Task(
        name=task.name,
        http_request={"url": "http://worker.test/", "http_method": HttpMethod.POST, "headers": USER_AGENT},
        schedule_time=task.schedule_time,
        create_time=task.schedule_time.replace(microsecond=0),
        dispatch_deadline=timedelta(minutes=10),
        view=Task.View.BASIC,
    )
    assert api.get(task.name) == task


def test_a_task_comes_back_as_it_was_set(api: Api) -> None:
    """CT-115, CT-120, CT-124, CT-125, CT-126: a schedule to the microsecond."""
    queue = api.paused()
    due = datetime.now(UTC).replace(microsecond=123_456) + timedelta(days=1)
    headers = {"x-LOWER-Upper": "1", "Authorization": "Basic x", "X-CloudTasks-TaskName": "spoofed"}
    task = api.task(
        queue,
        view=2,
        name=f"{queue}/tasks/t",
        url="https://worker.test/a?b=c",
        http={"http_method": "PUT", "headers": headers, "body": b"\0body"},
        schedule_time=due,
        dispatch_deadline=timedelta(seconds=30),
    )
    assert task == Task(
        name=f"{queue}/tasks/t",
        http_request={
            "url": "https://worker.test/a?b=c",
            "http_method": HttpMethod.PUT,
            "headers": headers | USER_AGENT,
            "body": b"\0body",
        },
        schedule_time=due,
        create_time=task.create_time,
        dispatch_deadline=timedelta(seconds=30),
        view=Task.View.FULL,
    )
    assert api.get(task.name, view=2) == task
    task.http_request.body, task.view = b"", Task.View.BASIC
    assert api.get(task.name) == task


def test_what_only_the_service_sets_is_ignored(api: Api) -> None:
    """CT-112."""
    now = datetime.now(UTC)
    sent = Task(
        http_request={"url": "http://worker.test/"},
        create_time=now - timedelta(days=9),
        dispatch_count=3,
        response_count=2,
        first_attempt=Attempt(dispatch_time=now),
        last_attempt=Attempt(dispatch_time=now),
        view=Task.View.FULL,
    )
    task = api.call("create_task", parent=api.paused(), task=sent)
    assert task.create_time >= now.replace(microsecond=0)
    assert (task.dispatch_count, task.response_count, task.view) == (0, 0, Task.View.BASIC)
    assert "first_attempt" not in task
    assert "last_attempt" not in task


@pytest.mark.parametrize(
    ("asked", "shown", "body"),
    [(0, "BASIC", b""), (1, "BASIC", b""), (2, "FULL", b"body"), (99, "VIEW_UNSPECIFIED", b"")],
    ids=["CT-114 unset", "CT-125 basic", "CT-125 full", "CT-293 unknown"],
)
def test_the_view_says_how_much_is_shown(api: Api, asked: int, shown: str, body: bytes) -> None:
    made = api.task(api.paused(), view=asked, http={"body": b"body"})
    for task in (made, api.get(made.name, view=asked)):
        assert (task.view, task.http_request.body) == (Task.View[shown], body)
        assert dict(task.http_request.headers) == USER_AGENT


def test_an_unknown_method_becomes_a_post(api: Api) -> None:
    """CT-293."""
    assert api.task(api.paused(), http={"http_method": 99}).http_request.http_method is HttpMethod.POST


def test_a_task_in_no_queue_is_not_found(api: Api) -> None:
    """CT-135: not with the text about the queue."""
    assert api.refusal("get_task", name=f"{api.name()}/tasks/t") == NEVER
    assert api.refusal("get_task", name=f"{api.queue().name}/tasks/t") == NEVER


def test_a_partial_retry_config_is_filled_with_googles_defaults(api: Api) -> None:
    """CT-295 with CT-030: not with those of its queue."""
    queue = api.paused(retry_config={"max_doublings": 2, "min_backoff": timedelta(seconds=5)})
    task = api.task(queue, retry_config={"max_attempts": 3})
    assert "retry_config" not in api.task(queue)
    expected = RetryConfig(
        max_attempts=3, min_backoff=timedelta(seconds=0.1), max_backoff=timedelta(hours=1), max_doublings=16
    )
    assert task.retry_config == expected
    assert api.get(task.name).retry_config == expected


def test_the_backoffs_of_a_task_are_kept_to_the_nanosecond(api: Api) -> None:
    """As those of a queue are (CT-049, CT-294)."""
    low = Duration(seconds=1, nanos=1)
    task = api.task(api.paused(), retry_config={"min_backoff": low})
    assert Task.pb(api.get(task.name)).retry_config.min_backoff == low


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"audience": ""}, {"audience": "https://tasks.googleapis.com/x?y=z"}),
        ({"audience": "audience"}, {"audience": "audience"}),
    ],
    ids=["CT-232 unset", "CT-296 no address"],
)
def test_a_token_without_an_audience_is_for_the_url(api: Api, sent: dict[str, str], stored: dict[str, str]) -> None:
    email = {"service_account_email": "tasks@example.com"}
    task = api.task(api.paused(), url="https://tasks.googleapis.com/x?y=z", http={"oidc_token": email | sent})
    assert api.get(task.name).http_request == task.http_request
    assert task.http_request.oidc_token.audience == stored["audience"]
    assert task.http_request.oidc_token.service_account_email == email["service_account_email"]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [("", "https://www.googleapis.com/auth/cloud-platform"), ("scope", "scope")],
    ids=["CT-234 unset", "CT-296 no address"],
)
def test_a_token_without_a_scope_is_for_the_cloud_platform(api: Api, sent: str, stored: str) -> None:
    token = {"service_account_email": "tasks@example.com", "scope": sent}
    task = api.task(api.paused(), url="https://tasks.googleapis.com/", http={"oauth_token": token})
    assert api.get(task.name).http_request.oauth_token.scope == task.http_request.oauth_token.scope == stored


DROPPED = [
    *("Host", "Content-Length", "Connection", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE"),
    *("Transfer-Encoding", "Upgrade", "Via", "Accept-Encoding", "X-Forwarded-For", "From"),
    *("X-Google", "X-Google-Anything", "X-AppEngine-QueueName"),
]


@pytest.mark.parametrize("change", [str, str.lower, str.upper], ids=["as written", "lower", "upper"])
def test_headers_that_are_not_the_callers_are_dropped(api: Api, change: Any) -> None:
    """CT-249, in any letter case."""
    assert _kept(api, {change(name): "1" for name in DROPPED} | {"X-Mine": "1"}) == {"X-Mine": "1"} | USER_AGENT


def test_headers_that_look_alike_are_kept(api: Api) -> None:
    """CT-249."""
    names = ["Authorization", "Content-Type", "Trailer", "X-Forwarded-Proto", "X-Goog-Api", "X-CloudTasks-TaskName"]
    headers = dict.fromkeys(names, "1")
    assert _kept(api, headers) == headers | USER_AGENT


@pytest.mark.parametrize("name", ["User-Agent", "user-agent"])
def test_the_user_agent_is_the_services(api: Api, name: str) -> None:
    """CT-121."""
    assert _kept(api, {name: "mine"}) == USER_AGENT


@pytest.mark.parametrize("name", ["", "Bad Header", "X\tTab", "X:Colon", "X-Ü"])
def test_a_header_that_is_no_name_is_dropped(api: Api, name: str) -> None:
    """CT-289."""
    assert _kept(api, {name: "1", "X/Slash": "1"}) == {"X/Slash": "1"} | USER_AGENT


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("", None),
        ("a\x01b", None),
        ("a\x7fb", None),
        ("ü", None),
        (" ", " "),
        ("a\tb", "a\tb"),
        ("a\nb", "a_b"),
        ("a\r\nb", "a__b"),
        ("a\0b", "a"),
        ("\0b", None),
    ],
    ids=lambda value: repr(value),
)
def test_a_header_value_is_mended_or_dropped(api: Api, value: str, kept: str | None) -> None:
    """CT-290, CT-291."""
    assert _kept(api, {"X-A": value}) == ({} if kept is None else {"X-A": kept}) | USER_AGENT


def test_a_header_that_is_too_long_is_dropped(api: Api) -> None:
    """CT-105: name and value may have 8188 bytes."""
    fits = {"X-Fits": "a" * (8188 - 6)}
    assert _kept(api, fits | {"X-Long": "a" * (8189 - 6)}) == fits | USER_AGENT
