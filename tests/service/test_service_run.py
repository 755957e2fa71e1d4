"""RunTask and DeleteTask (sections 12 and 13 of the contract)."""

from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.tasks_v2 import Attempt, Task

from gcptasks.base.events import AttemptFailed
from service.service_world import Api, Place
from service.test_service_queue_calls import NO_QUEUE
from service.test_service_repeats import GONE, NEVER

SOON = timedelta(hours=1)


def _later() -> datetime:
    return datetime.now(UTC) + SOON


def test_the_answer_is_the_task_as_its_attempt_starts(api: Api, place: Place) -> None:
    """CT-148, CT-153."""
    place.gate.clear()
    task = api.task(api.paused(), url=place.url, schedule_time=_later(), http={"body": b"x"})
    run = api.call("run_task", name=task.name)
    task.dispatch_count = 1
    task.last_attempt = Attempt(schedule_time=task.schedule_time)
    assert run == task
    place.gate.set()
    api.finished(task.name)


def test_the_answer_has_the_body_in_full_view(api: Api, place: Place) -> None:
    """CT-153, whoever asks (CT-127, CT-L9)."""
    task = api.task(api.paused(), url=place.url, schedule_time=_later(), http={"body": b"x"}).name
    full = api.call("run_task", name=task, response_view=Task.View.FULL)
    assert (full.view, full.http_request.body) == (Task.View.FULL, b"x")
    api.finished(task)


@pytest.mark.parametrize("paused", [False, True], ids=["CT-146 scheduled later", "CT-146 paused too"])
def test_it_dispatches_at_once_and_for_the_last_time(api: Api, place: Place, paused: bool) -> None:
    """CT-149."""
    queue = api.paused() if paused else api.queue().name
    task = api.task(queue, url=place.url, schedule_time=_later()).name
    api.call("run_task", name=task)
    place.received()
    api.finished(task)
    assert api.refusal("get_task", name=task) == GONE
    assert list(api.call("list_tasks", parent=queue).tasks) == []


def test_it_does_not_wait_for_a_free_place(api: Api, place: Place) -> None:
    """CT-216."""
    place.gate.clear()
    queue = api.queue(rate_limits={"max_concurrent_dispatches": 1}).name
    tasks = [api.task(queue, url=place.url).name for _ in range(2)]
    under_way = place.received().header("X-CloudTasks-TaskName")
    (waiting,) = [task for task in tasks if not task.endswith(f"/{under_way}")]
    assert api.get(waiting).dispatch_count == 0
    api.call("run_task", name=waiting)
    assert waiting.endswith(f"/{place.received().header('X-CloudTasks-TaskName')}")
    place.gate.set()
    for task in tasks:
        api.finished(task)


def test_it_does_not_wait_for_the_rate(api: Api, place: Place) -> None:
    """CT-039, CT-146, CT-212, CT-216: ten may go at once, the eleventh in a quarter of an hour."""
    queue = api.paused(rate_limits={"max_dispatches_per_second": 0.001})
    tasks = [api.task(queue, url=place.url).name for _ in range(11)]
    api.call("resume_queue", name=queue)
    for task in tasks[:10]:
        api.finished(task)
    api.finished(api.task(api.queue("other").name, url=place.url).name)
    assert api.get(tasks[10]).dispatch_count == 0
    api.call("run_task", name=tasks[10])
    api.finished(tasks[10])


def test_a_task_that_runs_is_run_a_second_time_beside(api: Api, place: Place) -> None:
    """CT-147, CT-155."""
    place.gate.clear()
    task = api.task(api.queue().name, url=place.url).name
    first = place.received()
    assert api.call("run_task", name=task).dispatch_count == 2
    second = place.received()
    counts = [request.header("X-CloudTasks-TaskRetryCount") for request in (first, second)]
    assert counts == ["0", "1"]
    place.gate.set()
    api.finished(task)
    assert api.refusal("get_task", name=task) == GONE


def test_a_failed_one_waits_for_its_retry(api: Api, place: Place) -> None:
    """CT-150, CT-151, CT-188."""
    place.answers(500)
    minute = timedelta(seconds=60)
    queue = api.paused(retry_config={"min_backoff": minute, "max_backoff": minute})
    due = _later()
    task = api.task(queue, url=place.url, schedule_time=due).name
    api.call("run_task", name=task)
    failed = api.failed(task)
    assert failed.schedule_time == failed.last_attempt.response_time + minute
    assert failed.last_attempt.schedule_time == due
    assert failed.first_attempt == Attempt(dispatch_time=failed.last_attempt.dispatch_time)
    assert failed.last_attempt.dispatch_time <= failed.last_attempt.response_time
    assert failed.dispatch_count == 1


def test_its_headers_are_those_of_a_first_attempt_at_the_time_scheduled(api: Api, place: Place) -> None:
    """CT-169, CT-297."""
    due = _later().replace(microsecond=123_456)
    task = api.task(api.paused(), url=place.url, schedule_time=due).name
    api.call("run_task", name=task)
    request = place.received()
    assert request.header("X-CloudTasks-TaskETA") == f"{int(due.timestamp())}.123456"
    assert request.header("X-CloudTasks-TaskRetryCount") == "0"
    assert request.header("X-CloudTasks-TaskExecutionCount") == "0"
    assert request.header("X-CloudTasks-TaskPreviousResponse") is None
    api.finished(task)


@pytest.mark.parametrize("method", ["run_task", "delete_task"])
def test_a_task_that_is_not_there_is_not_found(api: Api, place: Place, method: str) -> None:
    """CT-143, CT-152."""
    queue = api.queue(retry_config={"max_attempts": 1}).name
    deleted = api.task(queue, url=place.url, schedule_time=_later()).name
    api.call("delete_task", name=deleted)
    finished = api.task(queue, url=place.url, name=f"{queue}/tasks/finished").name
    api.finished(finished)
    place.answers(500)
    given_up = api.task(queue, url=place.url).name
    api.heard.wait(AttemptFailed, given_up)
    for name in (deleted, finished, given_up, f"{queue}/tasks/never"):
        assert api.refusal(method, name=name) == NEVER


def test_the_two_differ_in_a_queue_that_is_not_there(api: Api) -> None:
    """RunTask misses the queue (CT-152), DeleteTask the task (CT-143)."""
    name = f"{api.name()}/tasks/t"
    assert api.refusal("run_task", name=name) == NO_QUEUE
    assert api.refusal("delete_task", name=name) == NEVER


def test_a_task_that_runs_is_listed_and_can_be_deleted(api: Api, place: Place) -> None:
    """CT-139, CT-142, CT-144, CT-184, CT-186: its request goes on, and none follows."""
    place.gate.clear()
    place.answers(500)
    queue = api.queue(retry_config={"min_backoff": timedelta(milliseconds=1)}).name
    task = api.task(queue, url=place.url).name
    place.received()
    (listed,) = api.call("list_tasks", parent=queue).tasks
    assert (listed.name, listed.dispatch_count, listed.response_count) == (task, 1, 0)
    assert "response_time" not in listed.last_attempt
    assert "response_status" not in listed.last_attempt
    assert api.call("delete_task", name=task) is None
    place.gate.set()
    api.finished(api.task(queue, url=place.url).name)
    place.received()
    assert place.idle
    assert api.refusal("get_task", name=task) == GONE
