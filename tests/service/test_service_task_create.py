"""Which tasks are refused (section 9 of the contract)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.tasks_v2 import HttpMethod, Task
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from service.service_world import Api, Refusal
from service.test_service_queue_calls import NO_QUEUE

LARGEST = 1_048_569


def _refused(message: str) -> Refusal:
    return Refusal(InvalidArgument, message)


@pytest.mark.parametrize("task", [None, {}, {"dispatch_count": 1}], ids=["no task", "empty", "no payload"])
def test_a_task_needs_a_payload(api: Api, task: dict[str, Any] | None) -> None:
    """CT-092."""
    request = {} if task is None else {"task": task}
    queue = api.queue().name
    assert api.refusal("create_task", parent=queue, **request) == _refused("Task.payload_type is not set.")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "HttpRequest.url is required."),
        ("worker.test/", "HttpTarget.url must start with 'http://' or 'https://'."),
        ("ftp://worker.test/", "HttpTarget.url must start with 'http://' or 'https://'."),
        (
            "http://worker.test/" + "a" * (2084 - 19),
            "HttpRequest.url must be at most 2083 characters long after encoding.",
        ),
        ("http://worker.test/" + "ü" * 500, "HttpRequest.url must be at most 2083 characters long after encoding."),
    ],
    ids=["CT-093 empty", "CT-094 no scheme", "CT-094 ftp", "CT-096 long", "CT-096 long once encoded"],
)
def test_a_url_that_cannot_be_sent_is_refused(api: Api, url: str, message: str) -> None:
    assert api.no_task(api.queue().name, url=url) == _refused(message)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/%zz", "http://localhost:1/", "https://10.0.0.1/", "http://worker.test/" + "a" * (2083 - 19)],
    ids=["CT-095 broken escape", "CT-L4 localhost", "CT-L4 private", "CT-096 longest"],
)
def test_a_url_is_kept_as_it_was_sent(api: Api, url: str) -> None:
    assert api.task(api.paused(), url=url).http_request.url == url


@pytest.mark.parametrize("span", [14, 14.999999, 1801, 1800.001, 0, -20, 10**10], ids=str)
def test_a_deadline_out_of_bounds_is_refused(api: Api, span: float) -> None:
    """CT-097."""
    deadline = Duration(seconds=int(span), nanos=round(span % 1 * 10**9) if span > 0 else 0)
    assert api.no_task(api.queue().name, dispatch_deadline=deadline) == _refused(
        "Task.dispatchDeadline must be between [15s, 30m]."
    )


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (Duration(seconds=15), Duration(seconds=15)),
        (Duration(seconds=1800), Duration(seconds=1800)),
        (Duration(seconds=20, nanos=123_456_789), Duration(seconds=20, nanos=123_000_000)),
    ],
    ids=["CT-097 shortest", "CT-097 longest", "CT-292 cut"],
)
def test_a_deadline_is_kept_to_the_millisecond(api: Api, sent: Duration, kept: Duration) -> None:
    assert Task.pb(api.task(api.paused(), dispatch_deadline=sent)).dispatch_deadline == kept


@pytest.mark.parametrize(
    ("seconds", "nanos", "printed"),
    [
        (4102444800, 0, "2099-12-31T16:00:00-08:00"),
        (4118083200, 0, "2100-06-30T17:00:00-07:00"),
        (4102444800, 500_000_000, "2099-12-31T16:00:00.5-08:00"),
        (4102444800, 1, "2099-12-31T16:00:00.000000001-08:00"),
        (4102444800, 120_000, "2099-12-31T16:00:00.00012-08:00"),
    ],
)
def test_a_schedule_too_far_ahead_is_refused(api: Api, seconds: int, nanos: int, printed: str) -> None:
    """CT-099, CT-246."""
    assert api.no_task(api.queue().name, schedule_time=Timestamp(seconds=seconds, nanos=nanos)) == _refused(
        f"The Task.scheduleTime, {printed}, is too far in the future. "
        "Schedule time must be no more than 720h in the future."
    )


def test_a_schedule_of_thirty_days_is_the_border(api: Api) -> None:
    """CT-099."""
    queue = api.paused()
    within = datetime.now(UTC) + timedelta(days=30)
    assert api.task(queue, schedule_time=within).schedule_time == within
    refusal = api.no_task(queue, schedule_time=datetime.now(UTC) + timedelta(days=30, minutes=1))
    assert refusal.message.endswith("Schedule time must be no more than 720h in the future.")


def test_a_time_past_year_9999_is_refused(api: Api) -> None:
    """CT-099."""
    schedule = Timestamp(seconds=253_402_300_800)
    assert api.no_task(api.queue().name, schedule_time=schedule) == _refused("Request contains an invalid argument.")


@pytest.mark.parametrize(
    "seconds", [-3600, None, -86400, -62135596800, -62135596801], ids=["1969", "1970", "1969 again", "0001", "0000"]
)
def test_a_time_in_the_past_counts_as_now(api: Api, seconds: int | None) -> None:
    """CT-111."""
    before = datetime.now(UTC)
    schedule = Timestamp(seconds=seconds or 0)
    task = api.task(api.paused(), schedule_time=schedule)
    assert before <= task.schedule_time <= datetime.now(UTC)
    assert api.get(task.name).schedule_time == task.schedule_time


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_body_needs_a_method_that_has_one(api: Api, method: str) -> None:
    """CT-103."""
    queue = api.paused()
    assert api.no_task(queue, http={"http_method": method, "body": b"x"}) == _refused(
        "Body can only be set if the http_method is POST, PUT, or PATCH."
    )
    assert api.task(queue, http={"http_method": method}).http_request.http_method == HttpMethod[method]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_body_is_kept(api: Api, method: str) -> None:
    """CT-103, CT-125."""
    task = api.task(api.paused(), view=2, http={"http_method": method, "body": b"\0\xff"})
    assert (task.http_request.http_method, task.http_request.body) == (HttpMethod[method], b"\0\xff")


@pytest.mark.parametrize("extra", [{}, {"http_method": "POST"}], ids=["", "POST set"])
def test_a_task_is_as_large_as_its_stored_form_may_be(api: Api, extra: dict[str, Any]) -> None:
    """CT-100, CT-101, CT-245, CT-259: one byte more is refused."""
    queue = api.paused()
    http = {**extra, "headers": {"X-Header": "a" * 1000}, "body": b"a" * 1_040_000}
    fields: dict[str, Any] = {"schedule_time": (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=123456)}
    probe = Task.pb(api.task(queue, view=2, name=f"{queue}/tasks/a", http=http, **fields))
    probe.ClearField("view")
    http["body"] += b"a" * (LARGEST - probe.ByteSize())
    assert api.no_task(queue, name=f"{queue}/tasks/b", http={**http, "body": http["body"] + b"a"}, **fields) == (
        _refused("Task size too large")
    )
    assert api.task(queue, name=f"{queue}/tasks/b", http=http, **fields).name == f"{queue}/tasks/b"
    kept = Task.pb(api.get(f"{queue}/tasks/b", view=2))
    kept.ClearField("view")
    assert kept.ByteSize() == LARGEST


def test_a_long_name_counts_as_much_as_body(api: Api) -> None:
    """CT-101."""
    queue = api.paused()
    body = b"a" * (LARGEST - 1000)
    assert api.task(queue, name=f"{queue}/tasks/a", http={"body": body})
    assert api.no_task(queue, name=f"{queue}/tasks/{'a' * 500}", http={"body": body + b"a" * 800}).message == (
        "Task size too large"
    )


@pytest.mark.parametrize("kind", ["oidc_token", "oauth_token"])
@pytest.mark.parametrize(
    ("email", "message"),
    [
        ("", "service_account_email must be set."),
        ("not-an-email", "Request contains an invalid argument."),
        ("tasks@", "Request contains an invalid argument."),
        ("@example.com", "Request contains an invalid argument."),
        ("tasks@a@example.com", "Request contains an invalid argument."),
    ],
    ids=["CT-296a none", "CT-296b no at", "CT-296b tasks@", "CT-296b @", "CT-296b @@"],
)
def test_a_token_needs_an_email(api: Api, kind: str, email: str, message: str) -> None:
    token = {kind: {"service_account_email": email}}
    refusal = api.no_task(api.queue().name, url="https://tasks.googleapis.com/", http=token)
    assert refusal == _refused(message)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/", "https://googleapis.com/"],
    ids=["CT-296c another host", "CT-296d the bare domain"],
)
def test_an_oauth_token_goes_to_google_alone(api: Api, url: str) -> None:
    token = {"oauth_token": {"service_account_email": "tasks@example.com"}}
    assert api.no_task(api.queue().name, url=url, http=token) == _refused(
        'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"'
    )


def test_headers_of_more_than_80_kb_are_refused(api: Api) -> None:
    """CT-105."""
    headers = {f"X-{number:03}": "a" * 8000 for number in range(11)}
    assert api.no_task(api.queue().name, http={"headers": headers}) == _refused(
        "HttpRequest.headers must be at most 80KB in total."
    )


def test_a_task_needs_a_queue(api: Api) -> None:
    """CT-110."""
    assert api.no_task(api.name()) == NO_QUEUE
