from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import tasks_v2
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from gcptasks.base.epoch import EPOCH
from gcptasks.base.errors import ErrorInfo, Help, InvalidArgument, MalformedName, ServiceError
from gcptasks.base.names import LocationName, QueueName, TaskName, parse_task
from gcptasks.engine import task_size
from gcptasks.engine.model import (
    AppEngineRequest,
    AppEngineRouting,
    Attempt,
    HttpRequest,
    NewTask,
    OAuthToken,
    OidcToken,
    RetryConfig,
    Task,
    View,
)
from gcptasks.wire import common, times
from gcptasks.wire.cloud_tasks import messages, tasks
from gcptasks.wire.cloud_tasks.tasks import ListTasks

QUEUE = "projects/shop/locations/europe-west1/queues/mails"
MAILS = QueueName(LocationName("shop", "europe-west1"), "mails")
WELCOME = TaskName(MAILS, "welcome_1")
URL = "https://example.com/send"
NOW = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)
TASK = Task(
    name=WELCOME,
    request=HttpRequest(url=URL, headers={"User-Agent": "Google-Cloud-Tasks"}, body=b"hello"),
    created_at=NOW.replace(microsecond=0),
    scheduled_at=NOW,
    dispatch_deadline=timedelta(minutes=10),
)
METHODS = ["POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]
TASK_ID_HELP = Help(
    "Definition of task ID",
    "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#Task.FIELDS.name",
)


def create(**task: Any) -> messages.CreateTaskRequest:
    return json_format.ParseDict(
        {"parent": QUEUE, "task": {"httpRequest": {"url": URL}, **task}}, messages.CreateTaskRequest()
    )


def as_json(message: Message) -> dict[str, Any]:
    return json_format.MessageToDict(message)


# What is asked for


def test_a_task_with_only_a_url_asks_for_nothing_else() -> None:
    """CT-113, CT-116, CT-117, CT-119, CT-126"""
    assert tasks.new_task(create()) == NewTask(
        queue=MAILS,
        name=None,
        request=HttpRequest(url=URL, method="POST"),
        view=View.BASIC,
    )


def test_every_member_arrives_as_sent() -> None:
    """CT-120: header names in their letter case."""
    request = create(
        name=f"{QUEUE}/tasks/welcome_1",
        httpRequest={
            "url": URL,
            "httpMethod": "PUT",
            "headers": {"X-One": "1", "x-two": ""},
            "body": "AAH/",
            "oidcToken": {"serviceAccountEmail": "a@b", "audience": "me"},
        },
        scheduleTime="2026-07-01T12:30:15.123456789Z",
        dispatchDeadline="20.123456789s",
        retryConfig={"maxAttempts": 3, "maxRetryDuration": "-1s"},
    )
    request.response_view = 2
    assert tasks.new_task(request) == NewTask(
        queue=MAILS,
        name=WELCOME,
        request=HttpRequest(
            url=URL,
            method="PUT",
            headers={"X-One": "1", "x-two": ""},
            body=b"\x00\x01\xff",
            token=OidcToken(service_account_email="a@b", audience="me"),
        ),
        scheduled_at=NOW,
        scheduled_ns=789,
        dispatch_deadline=timedelta(seconds=20, microseconds=123456),
        retry_config=RetryConfig(
            max_attempts=3, max_retry_duration_ns=-1_000_000_000, min_backoff_ns=0, max_backoff_ns=0, max_doublings=0
        ),
        view=View.FULL,
    )


def test_an_oauth_token_arrives() -> None:
    new = tasks.new_task(create(httpRequest={"url": URL, "oauthToken": {"serviceAccountEmail": "a@b", "scope": "s"}}))
    assert isinstance(new.request, HttpRequest)
    assert new.request.token == OAuthToken(service_account_email="a@b", scope="s")


def test_an_app_engine_request_arrives() -> None:
    """CT-112: the host of its routing is for the service to say."""
    request = messages.CreateTaskRequest(parent=QUEUE)
    json_format.ParseDict(
        {
            "relativeUri": "/a?b=c",
            "httpMethod": "PUT",
            "appEngineRouting": {"service": "s", "version": "v", "instance": "0", "host": "h"},
            "headers": {"X-One": "1"},
            "body": "AAH/",
        },
        request.task.app_engine_http_request,
    )
    assert tasks.new_task(request) == NewTask(
        queue=MAILS,
        name=None,
        request=AppEngineRequest(
            relative_uri="/a?b=c",
            method="PUT",
            routing=AppEngineRouting(service="s", version="v", instance="0"),
            headers={"X-One": "1"},
            body=b"\x00\x01\xff",
        ),
        view=View.BASIC,
    )


def test_an_app_engine_request_with_nothing_in_it_is_a_request() -> None:
    """CT-106: the rule fills in the path."""
    request = messages.CreateTaskRequest(parent=QUEUE)
    request.task.app_engine_http_request.SetInParent()
    assert tasks.new_task(request).request == AppEngineRequest(relative_uri="")


def test_what_only_the_service_sets_is_passed_over() -> None:
    """CT-112"""
    sent = create(
        createTime="2020-01-01T00:00:00Z",
        dispatchCount=3,
        responseCount=2,
        firstAttempt={"dispatchTime": "2020-01-01T00:00:00Z"},
        lastAttempt={"responseStatus": {"code": 13}},
        view="FULL",
    )
    assert tasks.new_task(sent) == tasks.new_task(create())


@pytest.mark.parametrize("method", METHODS)
def test_each_method_has_googles_number(method: str) -> None:
    request = create()
    request.task.http_request.http_method = tasks_v2.HttpMethod[method]
    assert tasks.new_task(request).request.method == method


@pytest.mark.parametrize("number", [0, 99, -1])
def test_a_method_that_there_is_not_is_post(number: int) -> None:
    """CT-119, CT-293"""
    request = create()
    request.task.http_request.http_method = number
    assert tasks.new_task(request).request.method == "POST"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param("1970-01-01T00:00:00Z", id="1970"),
        pytest.param("1969-12-31T00:00:00Z", id="1969"),
        pytest.param("0001-01-01T00:00:00Z", id="year 1"),
        pytest.param(common.Timestamp(seconds=-62_135_596_801), id="year 0"),
        pytest.param(common.Timestamp(seconds=-(2**63)), id="the earliest that can be sent"),
    ],
)
def test_an_early_schedule_time_is_a_time_in_the_past(sent: str | common.Timestamp) -> None:
    """CT-111"""
    request = create()
    if isinstance(sent, str):
        request.task.schedule_time.FromJsonString(sent)
    else:
        request.task.schedule_time.CopyFrom(sent)
    assert tasks.new_task(request).scheduled_at == EPOCH


def test_the_last_time_that_can_be_told_arrives() -> None:
    scheduled_at = tasks.new_task(create(scheduleTime="9999-12-31T23:59:59.999999999Z")).scheduled_at
    assert scheduled_at == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("seconds", [2**63 - 1, -(2**63), 10**12])
def test_a_deadline_that_no_timedelta_holds_stays_out_of_range(seconds: int) -> None:
    """CT-097 is for the rule to refuse."""
    request = create()
    request.task.dispatch_deadline.seconds = seconds
    deadline = tasks.new_task(request).dispatch_deadline
    assert deadline is not None
    assert deadline > timedelta(days=9000) if seconds > 0 else deadline < timedelta(0)


def refused(request: messages.CreateTaskRequest) -> ServiceError:
    with pytest.raises(ServiceError) as error:
        tasks.new_task(request)
    return error.value


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        pytest.param(
            messages.CreateTaskRequest(parent=QUEUE), InvalidArgument("Task.payload_type is not set."), id="CT-092"
        ),
        pytest.param(
            messages.CreateTaskRequest(parent=QUEUE, task=messages.Task(name=str(WELCOME))),
            InvalidArgument("Task.payload_type is not set."),
            id="CT-092 named",
        ),
        pytest.param(
            create(name=f"{QUEUE}/tasks/a b"),
            InvalidArgument(
                'Task ID "a b" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). '
                "Task ID must between 1 and 500 characters.",
                TASK_ID_HELP,
            ),
            id="CT-026",
        ),
        pytest.param(
            create(name=f"{QUEUE}x/tasks/a"),
            InvalidArgument(
                f"The queue name from request ('{QUEUE}') must be the same as "
                f"the queue name in the named task ('{QUEUE}x')."
            ),
            id="CT-027",
        ),
        pytest.param(
            create(name="welcome"),
            MalformedName(
                'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>'
                '/queues/<QUEUE_ID>/tasks/<TASK_ID>".',
                Help("Definition of task name", TASK_ID_HELP.url),
            ),
            id="CT-258",
        ),
        pytest.param(
            messages.CreateTaskRequest(task=create().task),
            InvalidArgument(
                "Invalid resource field value in the request.",
                ErrorInfo(
                    "RESOURCE_PROJECT_INVALID",
                    "googleapis.com",
                    {
                        "method": "google.cloud.tasks.v2.CloudTasks.CreateTask",
                        "service": "cloudtasks.googleapis.com",
                    },
                ),
            ),
            id="CT-254",
        ),
        pytest.param(
            messages.CreateTaskRequest(
                parent=QUEUE,
                task=messages.Task(
                    http_request=messages.HttpRequest(url=URL),
                    schedule_time=common.Timestamp(seconds=253_402_300_800),
                ),
            ),
            InvalidArgument("Request contains an invalid argument."),
            id="CT-099",
        ),
        pytest.param(
            messages.CreateTaskRequest(
                parent=QUEUE,
                task=messages.Task(
                    http_request=messages.HttpRequest(url=URL), schedule_time=common.Timestamp(nanos=-1)
                ),
            ),
            InvalidArgument("Task.scheduleTime.nanos must be from 0 to 999999999, not -1."),
            id="no such fraction",
        ),
        pytest.param(
            create(retryConfig={"minBackoff": "9223372037s"}),
            InvalidArgument("RetryConfig.minBackoff must be less than 9223372037s here."),
            id="a span that cannot be stored",
        ),
    ],
)
def test_create_refuses(request_: messages.CreateTaskRequest, error: ServiceError) -> None:
    seen = refused(request_)
    assert type(seen) is type(error)
    assert (seen.message, seen.details) == (error.message, error.details)


def test_a_wrong_name_is_told_before_a_missing_payload() -> None:
    """CT-309e: in a batch names are refused for the whole call, payloads task by task."""
    assert (
        "Task ID"
        in refused(messages.CreateTaskRequest(parent=QUEUE, task=messages.Task(name=QUEUE + "/tasks/"))).message
    )


@pytest.mark.parametrize(("number", "view"), [(0, View.BASIC), (1, View.BASIC), (2, View.FULL)])
def test_views(number: int, view: View) -> None:
    """CT-126, CT-137"""
    assert tasks.view(number) is view
    assert tasks.list_tasks(messages.ListTasksRequest(parent=QUEUE, response_view=number)).view is view


@pytest.mark.parametrize("number", [99, 3, -1])
def test_a_view_that_there_is_not_shows_no_body(number: int) -> None:
    """CT-293"""
    shown = tasks.task_message(TASK, tasks.view(number))
    assert (shown.view, shown.http_request.body) == (0, b"")
    assert tasks.list_tasks(messages.ListTasksRequest(parent=QUEUE, response_view=number)).view is View.BASIC


def test_a_list_names_its_queue_and_page() -> None:
    request = messages.ListTasksRequest(parent=QUEUE, page_size=-1, page_token="t")
    assert tasks.list_tasks(request) == ListTasks(parent=MAILS, page_size=-1, page_token="t", view=View.BASIC)


@pytest.mark.parametrize("verb", ["Get", "Delete", "Run"])
def test_a_request_names_its_task(verb: str) -> None:
    assert tasks.task_name(getattr(messages, f"{verb}TaskRequest")(name=str(WELCOME))) == WELCOME


@pytest.mark.parametrize("verb", ["Get", "Delete", "Run"])
def test_a_request_without_a_name_is_refused_with_its_method(verb: str) -> None:
    """CT-254"""
    with pytest.raises(InvalidArgument, match=r"^Invalid resource field value in the request\.$") as error:
        tasks.task_name(getattr(messages, f"{verb}TaskRequest")())
    (detail,) = error.value.details
    assert isinstance(detail, ErrorInfo)
    assert detail.metadata["method"] == f"google.cloud.tasks.v2.CloudTasks.{verb}Task"


# What is shown


def test_a_new_task_in_basic_view() -> None:
    """CT-114 to CT-119, CT-125, CT-126: all but the body."""
    assert as_json(tasks.task_message(TASK, View.BASIC)) == {
        "name": f"{QUEUE}/tasks/welcome_1",
        "httpRequest": {"url": URL, "httpMethod": "POST", "headers": {"User-Agent": "Google-Cloud-Tasks"}},
        "scheduleTime": "2026-07-01T12:30:15.123456Z",
        "createTime": "2026-07-01T12:30:15Z",
        "dispatchDeadline": "600s",
        "view": "BASIC",
    }


def test_full_view_adds_the_body() -> None:
    """CT-125, CT-126"""
    basic, full = (as_json(tasks.task_message(TASK, view)) for view in (View.BASIC, View.FULL))
    assert full["httpRequest"].pop("body") == "aGVsbG8="
    assert full == {**basic, "view": "FULL"}


def test_an_app_engine_task_shows_its_host_and_no_deadline() -> None:
    """CT-118, CT-123, CT-125."""
    request = AppEngineRequest(relative_uri="/a", routing=AppEngineRouting(service="s", version="v"), body=b"hello")
    task = replace(TASK, request=request, dispatch_deadline=timedelta(0))
    shown = {
        "relativeUri": "/a",
        "httpMethod": "POST",
        "appEngineRouting": {"service": "s", "version": "v", "host": "v.s.shop.europe-west1.r.appspot.com"},
    }
    basic, full = (as_json(tasks.task_message(task, view)) for view in (View.BASIC, View.FULL))
    assert basic == {
        "name": f"{QUEUE}/tasks/welcome_1",
        "appEngineHttpRequest": shown,
        "scheduleTime": "2026-07-01T12:30:15.123456Z",
        "createTime": "2026-07-01T12:30:15Z",
        "view": "BASIC",
    }
    assert full["appEngineHttpRequest"] == {**shown, "body": "aGVsbG8="}


def test_a_failed_task_shows_its_attempts() -> None:
    """CT-184 to CT-188: the first attempt with its dispatch time alone."""
    second = NOW + timedelta(seconds=2)
    failed = replace(
        TASK,
        dispatch_count=2,
        response_count=1,
        first_dispatched_at=NOW,
        last_attempt=Attempt(scheduled_at=NOW, dispatched_at=second, responded_at=second, status=404),
    )
    shown = as_json(tasks.task_message(failed, View.BASIC))
    assert (shown["dispatchCount"], shown["responseCount"]) == (2, 1)
    assert shown["firstAttempt"] == {"dispatchTime": "2026-07-01T12:30:15.123456Z"}
    assert shown["lastAttempt"] == {
        "scheduleTime": "2026-07-01T12:30:15.123456Z",
        "dispatchTime": "2026-07-01T12:30:17.123456Z",
        "responseTime": "2026-07-01T12:30:17.123456Z",
        "responseStatus": {"code": 5, "message": "NOT_FOUND(5): HTTP status code 404"},
    }


def test_an_attempt_under_way_has_no_response() -> None:
    """CT-186"""
    under_way = replace(TASK, dispatch_count=1, last_attempt=Attempt(scheduled_at=NOW, dispatched_at=NOW))
    shown = as_json(tasks.task_message(under_way, View.BASIC))
    assert shown["lastAttempt"].keys() == {"scheduleTime", "dispatchTime"}


def test_a_forced_task_shows_only_when_it_was_due() -> None:
    """CT-148"""
    shown = as_json(
        tasks.task_message(replace(TASK, dispatch_count=1, last_attempt=Attempt(scheduled_at=NOW)), View.BASIC)
    )
    assert shown["lastAttempt"] == {"scheduleTime": "2026-07-01T12:30:15.123456Z"}
    assert "firstAttempt" not in shown


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        pytest.param(504, 4, "DEADLINE_EXCEEDED(4): HTTP status code 504", id="CT-312"),
        pytest.param(0, 2, "UNKNOWN(2): HTTP status code 0", id="CT-313"),
    ],
)
def test_an_attempt_without_an_answer(status: int, code: int, message: str) -> None:
    failed = replace(TASK, last_attempt=Attempt(scheduled_at=NOW, dispatched_at=NOW, responded_at=NOW, status=status))
    shown = tasks.task_message(failed, View.BASIC).last_attempt.response_status
    assert (shown.code, shown.message, list(shown.details)) == (code, message, [])


def test_a_tasks_own_retries_are_shown_whole() -> None:
    """CT-295"""
    shown = as_json(tasks.task_message(replace(TASK, retry_config=RetryConfig(max_attempts=3)), View.BASIC))
    assert shown["retryConfig"] == {
        "maxAttempts": 3,
        "minBackoff": "0.100s",
        "maxBackoff": "3600s",
        "maxDoublings": 16,
    }


def test_a_page_of_tasks_keeps_their_order() -> None:
    found = [replace(TASK, name=TaskName(MAILS, task)) for task in ("b", "a", "c")]
    page = tasks.task_list(found, "more", View.FULL)
    assert list(page.tasks) == [tasks.task_message(task, View.FULL) for task in found]
    assert page.next_page_token == "more"


# For all tasks

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIME = st.datetimes(timezones=st.just(UTC))
INT32 = st.integers(-(2**31), 2**31 - 1)
COUNT = st.integers(0, 2**31 - 1)
SPAN_NS = st.integers(0, 2**63 - 1)
TOKEN = st.one_of(
    st.builds(OidcToken, service_account_email=TEXT, audience=TEXT),
    st.builds(OAuthToken, service_account_email=TEXT, scope=TEXT),
)
REQUEST = st.builds(
    HttpRequest,
    url=TEXT,
    method=st.sampled_from(METHODS),
    headers=st.dictionaries(TEXT, TEXT, max_size=3),
    body=st.binary(max_size=100),
    token=st.none() | TOKEN,
)
ROUTING = st.builds(AppEngineRouting, service=TEXT, version=TEXT, instance=TEXT)
APP_ENGINE_REQUEST = st.builds(
    AppEngineRequest,
    relative_uri=TEXT,
    method=st.sampled_from(METHODS),
    routing=ROUTING,
    headers=st.dictionaries(TEXT, TEXT, max_size=3),
    body=st.binary(max_size=100),
)
RETRY_CONFIG = st.builds(
    RetryConfig,
    max_attempts=INT32,
    max_retry_duration_ns=SPAN_NS,
    min_backoff_ns=SPAN_NS,
    max_backoff_ns=SPAN_NS,
    max_doublings=INT32,
)
ATTEMPT = st.builds(
    Attempt,
    scheduled_at=TIME,
    dispatched_at=st.none() | TIME,
    responded_at=st.none() | TIME,
    status=st.none() | st.integers(0, 599),
)
ANY_TASK = st.builds(
    Task,
    name=st.from_regex(r"[A-Za-z0-9_\-]{1,30}", fullmatch=True).map(lambda task: TaskName(MAILS, task)),
    request=REQUEST | APP_ENGINE_REQUEST,
    created_at=TIME,
    scheduled_at=TIME,
    dispatch_deadline=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2)),
    retry_config=st.none() | RETRY_CONFIG,
    dispatch_count=COUNT,
    response_count=COUNT,
    first_dispatched_at=st.none() | TIME,
    last_attempt=st.none() | ATTEMPT,
)


def time_in(message: Message, field: str) -> datetime | None:
    return times.datetime_of(getattr(message, field)) if message.HasField(field) else None


@settings(max_examples=300)
@given(ANY_TASK, st.integers(0, 2**22))
def test_the_rule_on_size_counts_what_protobuf_takes(task: Task, body: int) -> None:
    task = replace(task, request=replace(task.request, body=bytes(body)))
    message = tasks.task_message(task, View.FULL)
    message.ClearField("view")
    for part in ("service", "version", "instance") if message.HasField("app_engine_http_request") else ():
        message.app_engine_http_request.app_engine_routing.ClearField(part)  # the host alone counts (CT-245)
    assert task_size.size(task) == message.ByteSize()


@settings(max_examples=50)
@given(ANY_TASK)
def test_every_field_of_a_task_is_in_its_message(task: Task) -> None:
    sent = messages.Task.FromString(tasks.task_message(task, View.FULL).SerializeToString())
    # A request to make the same task: what callers may set is read by the codec itself, the rest here.
    asked = tasks.new_task(messages.CreateTaskRequest(parent=QUEUE, task=sent))
    shown_at = max(task.scheduled_at, EPOCH)
    assert (asked.name, asked.request, asked.retry_config) == (task.name, task.request, task.retry_config)
    assert (asked.scheduled_at, asked.dispatch_deadline) == (shown_at, task.dispatch_deadline or None)
    assert (time_in(sent, "schedule_time"), time_in(sent, "create_time")) == (task.scheduled_at, task.created_at)
    assert (sent.dispatch_count, sent.response_count) == (task.dispatch_count, task.response_count)
    assert time_in(sent.first_attempt, "dispatch_time") == task.first_dispatched_at
    assert sent.HasField("first_attempt") == (task.first_dispatched_at is not None)
    assert sent.HasField("last_attempt") == (task.last_attempt is not None)
    if task.last_attempt is not None:
        last = sent.last_attempt
        assert time_in(last, "schedule_time") == task.last_attempt.scheduled_at
        assert time_in(last, "dispatch_time") == task.last_attempt.dispatched_at
        assert time_in(last, "response_time") == task.last_attempt.responded_at
        assert last.HasField("response_status") == (task.last_attempt.status is not None)


@settings(max_examples=50)
@given(
    st.builds(
        messages.Task,
        name=st.sampled_from(["", str(WELCOME), "x"]),
        http_request=st.builds(messages.HttpRequest, url=TEXT, http_method=INT32, headers=st.dictionaries(TEXT, TEXT)),
        schedule_time=st.builds(common.Timestamp, seconds=st.integers(-(2**63), 2**63 - 1), nanos=INT32),
        dispatch_deadline=st.builds(common.Duration, seconds=st.integers(-(2**63), 2**63 - 1), nanos=INT32),
        retry_config=st.builds(
            messages.RetryConfig,
            max_backoff=st.builds(common.Duration, seconds=st.integers(-(2**63), 2**63 - 1), nanos=INT32),
        ),
    ),
    INT32,
)
def test_any_request_is_taken_or_refused(task: messages.Task, view: int) -> None:
    """Never an error that is not for the caller."""
    try:
        new = tasks.new_task(messages.CreateTaskRequest(parent=QUEUE, task=task, response_view=view))
    except InvalidArgument:
        return
    assert new.name == (parse_task(task.name) if task.name else None)
