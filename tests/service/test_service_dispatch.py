"""What the worker is sent, and what its answer makes of the task (section 15 of the contract)."""

import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.cloud.tasks_v2 import Task

from gcptasks.base.events import AttemptFailed
from service.service_world import WAYS, Api, Place
from service.test_service_repeats import GONE

AT_ONCE = {"min_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=1)}
AN_HOUR = {"min_backoff": timedelta(hours=1), "max_backoff": timedelta(hours=1)}


def test_the_worker_gets_the_stored_request_and_the_tasks_headers(api: Api, place: Place) -> None:
    """CT-161 to CT-164, CT-166, CT-169 to CT-171, CT-173, CT-176."""
    queue = api.queue().name
    headers = {"x-MINE": "1", "Authorization": "Basic x", "Content-Type": "text/x", "X-CloudTasks-TaskName": "spoofed"}
    task = api.task(
        queue,
        name=f"{queue}/tasks/t_1",
        url=f"{place.url}/a?b=c%20d",
        http={"http_method": "PUT", "headers": headers, "body": b"\0\xff"},
    )
    request = place.received()
    assert (request.method, request.body) == ("PUT", b"\0\xff")
    assert request.path.endswith("/a?b=c%20d")
    due = f"{task.schedule_time.timestamp():.6f}".rstrip("0").rstrip(".")
    expected = {
        "x-MINE": "1",
        "Authorization": "Basic x",
        "Content-Type": "text/x",
        "Content-Length": "2",
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": "q",
        "X-CloudTasks-TaskName": "t_1",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": due,
    }
    assert expected == {name: request.header(name) for name in expected}
    assert request.header("X-CloudTasks-TaskPreviousResponse") is None
    assert request.header("X-CloudTasks-TaskRetryReason") is None
    api.finished(task.name)
    assert api.refusal("get_task", name=task.name) == GONE


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "OPTIONS"])
def test_a_method_without_a_body_sends_none(api: Api, place: Place, method: str) -> None:
    """CT-171, CT-175."""
    api.task(api.queue().name, url=place.url, http={"http_method": method})
    request = place.received()
    assert (request.method, request.body, request.header("Content-Length")) == (method, b"", "0")
    assert request.header("Content-Type") is None


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_an_answer_of_2xx_ends_the_task(api: Api, place: Place, status: int) -> None:
    """CT-176."""
    place.answers(status)
    task = api.task(api.queue().name, url=place.url).name
    api.finished(task)
    assert api.refusal("get_task", name=task) == GONE


def test_retries_tell_how_it_went_so_far(api: Api, place: Place) -> None:
    """CT-162, CT-164 to CT-167, CT-177."""
    statuses = [503, 404, 429, 500, 302]
    place.answers(*statuses)
    task = api.task(api.queue(retry_config=AT_ONCE).name, url=place.url).name
    requests = [place.received() for _ in range(6)]
    api.finished(task)

    def sent(name: str) -> list[str | None]:
        return [request.header(f"X-CloudTasks-Task{name}") for request in requests]

    assert sent("RetryCount") == ["0", "1", "2", "3", "4", "5"]
    assert sent("ExecutionCount") == ["0", "0", "1", "2", "2", "3"]
    assert sent("PreviousResponse") == [None, *map(str, statuses)]
    assert sent("RetryReason") == [None, "", "", "", "", ""]
    assert len(set(sent("ETA"))) == 6


@pytest.mark.parametrize(
    ("status", "code", "name", "counted"),
    [
        (301, 2, "UNKNOWN", 1),
        (400, 3, "INVALID_ARGUMENT", 1),
        (401, 16, "UNAUTHENTICATED", 1),
        (403, 7, "PERMISSION_DENIED", 1),
        (404, 5, "NOT_FOUND", 1),
        (405, 9, "FAILED_PRECONDITION", 1),
        (409, 10, "ABORTED", 1),
        (410, 9, "FAILED_PRECONDITION", 1),
        (418, 9, "FAILED_PRECONDITION", 1),
        (429, 8, "RESOURCE_EXHAUSTED", 1),
        (499, 1, "CANCELLED", 1),
        (500, 13, "INTERNAL", 0),
        (501, 12, "UNIMPLEMENTED", 0),
        (502, 13, "INTERNAL", 0),
        (503, 14, "UNAVAILABLE", 0),
        (504, 4, "DEADLINE_EXCEEDED", 0),
        (505, 13, "INTERNAL", 0),
        (507, 13, "INTERNAL", 0),
    ],
)
def test_a_failed_attempt_is_written_down(
    api: Api, place: Place, status: int, code: int, name: str, counted: int
) -> None:
    """CT-139, CT-184 to CT-189, CT-311."""
    place.answers(status)
    queue = api.queue(retry_config=AN_HOUR).name
    made = api.task(queue, url=place.url)
    task = api.failed(made.name)
    last = task.last_attempt
    assert (last.response_status.code, last.response_status.message) == (
        code,
        f"{name}({code}): HTTP status code {status}",
    )
    assert list(last.response_status.details) == []
    assert (task.dispatch_count, task.response_count) == (1, counted)
    assert made.schedule_time == last.schedule_time <= last.dispatch_time <= last.response_time
    assert Task.pb(task).first_attempt.dispatch_time == Task.pb(task).last_attempt.dispatch_time
    assert "schedule_time" not in task.first_attempt
    assert "response_time" not in task.first_attempt
    assert task.schedule_time == last.response_time + timedelta(hours=1)
    assert [one.name for one in api.call("list_tasks", parent=queue).tasks] == [task.name]


def test_a_worker_that_is_not_there_is_written_down(api: Api) -> None:
    """CT-177, CT-313."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    task = api.failed(api.task(api.queue(retry_config=AN_HOUR).name, url=f"http://127.0.0.1:{port}/").name)
    status = task.last_attempt.response_status
    assert (status.code, status.message) == (2, "UNKNOWN(2): HTTP status code 0")
    assert (task.dispatch_count, task.response_count) == (1, 0)


@pytest.mark.parametrize("wrong", ["/%zz", "?a=%", ":99999/"])
def test_a_url_that_cannot_be_sent_fails_at_dispatch(api: Api, place: Place, wrong: str) -> None:
    """CT-095: nothing arrives."""
    url = f"http://{place.server}{wrong}" if wrong.startswith(":") else place.url + wrong
    task = api.failed(api.task(api.queue(retry_config=AN_HOUR).name, url=url).name)
    assert (task.dispatch_count, task.response_count) == (1, 0)
    assert task.last_attempt.response_status.message == "UNKNOWN(2): HTTP status code 0"
    assert place.idle


def _set_deadline(path: Path, seconds: float) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tasks SET deadline_us = ?", (seconds * 1_000_000,))


def test_an_attempt_without_an_answer_in_time_is_written_down(tmp_path: Path, place: Place) -> None:
    """CT-168, CT-179, CT-312. A caller can give 15 s at least, so the test shortens the deadline in the file."""
    path = tmp_path / "tasks.db"
    with WAYS["in process"](path) as (client, heard):
        api = Api(client, heard, "projects/p/locations/l")
        name = api.task(api.paused(retry_config=AN_HOUR), url=place.url).name
        _set_deadline(path, 0.05)
        place.gate.clear()
        api.call("run_task", name=name)
        task = api.failed(name)
        status = task.last_attempt.response_status
        assert (status.code, status.message) == (4, "DEADLINE_EXCEEDED(4): HTTP status code 504")
        assert (task.dispatch_count, task.response_count) == (1, 0)
        place.gate.set()
        place.received()
        _set_deadline(path, 600)
        api.call("run_task", name=name)
        again = place.received()
        sent = {"PreviousResponse": "504", "RetryCount": "1", "ExecutionCount": "0", "RetryReason": ""}
        assert sent == {key: again.header(f"X-CloudTasks-Task{key}") for key in sent}
        api.finished(name)


def test_the_first_attempt_stays_the_first(api: Api, place: Place) -> None:
    """CT-155, CT-185: RunTask counts like any other."""
    place.answers(500, 404)
    name = api.task(api.queue(retry_config=AN_HOUR).name, url=place.url).name
    first = api.failed(name)
    api.call("run_task", name=name)
    second = api.failed(name, 2)
    assert second.first_attempt == first.first_attempt
    assert second.last_attempt.schedule_time == first.schedule_time
    assert second.last_attempt.dispatch_time > first.last_attempt.response_time
    assert (second.dispatch_count, second.response_count) == (2, 1)


def test_a_retry_under_way_shows_no_answer_yet(api: Api, place: Place) -> None:
    """CT-184, CT-186."""
    place.answers(404)
    name = api.task(api.queue(retry_config=AN_HOUR).name, url=place.url).name
    failed = api.failed(name)
    place.received()
    place.gate.clear()
    api.call("run_task", name=name)
    place.received()
    task = api.get(name)
    assert (task.dispatch_count, task.response_count) == (2, 1)
    assert task.last_attempt.schedule_time == failed.schedule_time
    assert "dispatch_time" in task.last_attempt
    assert "response_time" not in task.last_attempt
    assert "response_status" not in task.last_attempt
    place.gate.set()
    api.finished(name)


def test_a_redirect_is_followed_within_the_attempt(api: Api, place: Place) -> None:
    """CT-178: a POST answered with 302 becomes a GET."""
    place.answers(302, Location="moved")
    task = api.task(api.queue().name, url=f"{place.url}/first", http={"body": b"x"}).name
    assert [(place.received().method) for _ in range(2)] == ["POST", "GET"]
    api.finished(task)
    assert place.idle


def test_retry_after_puts_that_task_off(api: Api, place: Place) -> None:
    """And no other (CT-L7), where Google may slow the whole queue down (CT-180)."""
    place.answers(503, **{"Retry-After": "3600"})
    queue = api.queue(retry_config=AT_ONCE).name
    task = api.failed(api.task(queue, url=place.url).name)
    assert task.schedule_time == task.last_attempt.response_time + timedelta(hours=1)
    api.finished(api.task(queue, url=place.url).name)


def test_a_task_is_not_sent_before_its_time(api: Api, place: Place) -> None:
    """CT-116, CT-161."""
    place.answers(500)
    queue = api.queue(retry_config=AN_HOUR).name
    made = api.task(queue, url=place.url, schedule_time=datetime.now(UTC) + timedelta(milliseconds=300))
    attempt = api.failed(made.name).last_attempt
    assert attempt.dispatch_time >= attempt.schedule_time == made.schedule_time


def test_settings_of_the_task_go_before_those_of_its_queue(api: Api, place: Place) -> None:
    """CT-210."""
    place.answers(500, 500)
    queue = api.queue(retry_config={"max_attempts": 10, **AN_HOUR}).name
    name = api.task(queue, url=place.url, retry_config={"max_attempts": 2, **AT_ONCE}).name
    assert api.heard.wait(AttemptFailed, name, 2).next_at is None
    assert api.refusal("get_task", name=name) == GONE
