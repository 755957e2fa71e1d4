from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.names import TaskName, parse_queue
from gcptasks.engine import delivery, tasks
from gcptasks.engine.model import HttpRequest, Queue, Task

NAME = TaskName(parse_queue("projects/p/locations/l/queues/q"), "t")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DUE = EPOCH + timedelta(seconds=1721236265, microseconds=266817)
STORED = {"Content-Type": "text/plain", "x-MiXed": "1", "User-Agent": "Google-Cloud-Tasks"}

WAITING = Task(
    name=NAME,
    request=HttpRequest(url="https://worker.example.com/", headers=STORED),
    created_at=DUE,
    scheduled_at=DUE,
    dispatch_deadline=timedelta(minutes=10),
)

QUEUE = Queue(name=NAME.queue)


def headers_of(task: Task, previous_status: int | None) -> list[tuple[str, str]]:
    return list(delivery.outgoing(task, QUEUE, previous_status).headers)


def test_an_attempt_sends_what_the_task_keeps() -> None:
    request = HttpRequest(url="https://worker.example.com/a?b=1", method="PUT", headers=STORED, body=b"\0\xff")
    task = replace(WAITING, request=request, dispatch_deadline=timedelta(seconds=15))
    sent = delivery.outgoing(tasks.dispatched(task, DUE), QUEUE, None)
    assert (sent.method, sent.url, sent.body) == ("PUT", request.url, b"\0\xff")
    assert sent.deadline == timedelta(seconds=15)


def test_a_first_attempt_sends_the_stored_headers_and_five_of_ours() -> None:
    """CT-161 to CT-164, CT-166, CT-169."""
    task = tasks.dispatched(WAITING, DUE)
    assert headers_of(task, None) == [
        *STORED.items(),
        ("X-CloudTasks-QueueName", "q"),
        ("X-CloudTasks-TaskName", "t"),
        ("X-CloudTasks-TaskRetryCount", "0"),
        ("X-CloudTasks-TaskExecutionCount", "0"),
        ("X-CloudTasks-TaskETA", "1721236265.266817"),
    ]
    assert task.request.headers == STORED


@pytest.mark.parametrize(
    ("previous", "told"),
    [
        pytest.param(503, "503", id="CT-166 503"),
        pytest.param(302, "302", id="CT-178 302"),
        pytest.param(504, "504", id="CT-168 a passed deadline"),
        pytest.param(0, "504", id="CT-193 unreachable"),
        pytest.param(None, "504", id="an attempt that was lost"),
    ],
)
def test_a_retry_tells_the_answer_before_it(previous: int | None, told: str) -> None:
    """CT-165, CT-167: the reason is empty."""
    task = replace(tasks.dispatched(WAITING, DUE), dispatch_count=4, response_count=2)
    headers = dict(headers_of(task, previous))
    assert headers["X-CloudTasks-TaskRetryCount"] == "3"
    assert headers["X-CloudTasks-TaskExecutionCount"] == "2"
    assert headers["X-CloudTasks-TaskPreviousResponse"] == told
    assert headers["X-CloudTasks-TaskRetryReason"] == ""


def test_a_callers_own_cloudtasks_headers_are_replaced() -> None:
    """CT-170, CT-173."""
    sent = {"X-CloudTasks-TaskName": "spoofed", "x-cloudtasks-other": "x", "Authorization": "mine"}
    task = replace(WAITING, request=replace(WAITING.request, headers=sent))
    headers = headers_of(tasks.dispatched(task, DUE), None)
    assert [value for name, value in headers if name.lower() == "x-cloudtasks-taskname"] == ["t"]
    assert "x-cloudtasks-other" not in dict(headers)
    assert dict(headers)["Authorization"] == "mine"
    assert task.request.headers == sent


def test_a_forced_attempt_tells_the_original_time() -> None:
    """CT-297."""
    early = tasks.dispatched(WAITING, DUE - timedelta(days=1))
    assert ("X-CloudTasks-TaskETA", "1721236265.266817") in headers_of(early, None)


@pytest.mark.parametrize(
    ("microseconds", "eta"),
    [(120000, "1721236265.12"), (0, "1721236265"), (1, "1721236265.000001"), (500000, "1721236265.5")],
)
def test_the_time_has_no_trailing_zeros(microseconds: int, eta: str) -> None:
    """CT-169."""
    task = replace(WAITING, scheduled_at=DUE.replace(microsecond=microseconds))
    headers = dict(headers_of(tasks.dispatched(task, DUE), None))
    assert headers["X-CloudTasks-TaskETA"] == eta


@given(st.integers(0, 250_000_000_000_000_000))
def test_the_time_can_be_read_back_exactly(microseconds: int) -> None:
    """CT-169."""
    when = EPOCH + timedelta(microseconds=microseconds)
    task = tasks.dispatched(replace(WAITING, scheduled_at=when), when)
    seconds, _, fraction = dict(headers_of(task, None))["X-CloudTasks-TaskETA"].partition(".")
    read = EPOCH + timedelta(seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")))
    assert read == when


@pytest.mark.parametrize(
    ("status", "code", "name"),
    [
        (0, 2, "UNKNOWN"),
        (301, 2, "UNKNOWN"),
        (400, 3, "INVALID_ARGUMENT"),
        (401, 16, "UNAUTHENTICATED"),
        (403, 7, "PERMISSION_DENIED"),
        (404, 5, "NOT_FOUND"),
        (405, 9, "FAILED_PRECONDITION"),
        (409, 10, "ABORTED"),
        (410, 9, "FAILED_PRECONDITION"),
        (418, 9, "FAILED_PRECONDITION"),
        (429, 8, "RESOURCE_EXHAUSTED"),
        (499, 1, "CANCELLED"),
        (500, 13, "INTERNAL"),
        (501, 12, "UNIMPLEMENTED"),
        (502, 13, "INTERNAL"),
        (503, 14, "UNAVAILABLE"),
        (504, 4, "DEADLINE_EXCEEDED"),
        (505, 13, "INTERNAL"),
        (507, 13, "INTERNAL"),
    ],
)
def test_a_status_is_written_down_as_googles_code(status: int, code: int, name: str) -> None:
    """CT-187, CT-311, CT-312, CT-313."""
    assert delivery.rpc_code(status) == code
    assert delivery.status_text(status) == f"{name}({code}): HTTP status code {status}"


@given(st.integers())
def test_every_status_has_a_code_with_a_name(status: int) -> None:
    assert delivery.status_text(status).endswith(f"({delivery.rpc_code(status)}): HTTP status code {status}")
