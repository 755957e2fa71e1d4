"""How tasks end, by a clock that the test moves (sections 11 to 13 and 17 of the contract)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from conformance.conformance_tasks import TaskApi
from conformance.conformance_world import START
from gcptasks.base.events import AttemptFailed
from service.service_world import Place, Worker
from service.test_service_repeats import GONE, NEVER, TOO_RECENT

DAY = timedelta(days=1)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def retries(attempts: int, duration: float, backoff: float) -> dict[str, Any]:
    return {
        "max_attempts": attempts,
        "max_retry_duration": seconds(duration),
        "min_backoff": seconds(backoff),
        "max_backoff": seconds(backoff),
    }


@pytest.mark.parametrize("on", ["queue", "task"])
@pytest.mark.parametrize(
    ("settings", "requests"),
    [
        (retries(3, 0, 1), 3),
        (retries(1, 0, 1), 1),
        (retries(-1, 3, 2), 3),
        (retries(-1, 4, 2), 3),
        (retries(-1, 5, 2), 4),
        (retries(2, 3, 2), 3),
        (retries(4, 1, 1), 4),
        (retries(1, 2, 2), 2),
    ],
    ids=[
        "CT-202 three attempts",
        "CT-202 one attempt",
        "CT-204 past the time",
        "CT-204 at the time",
        "CT-204 before the time",
        "CT-205 the time decides",
        "CT-205 the attempts decide",
        "CT-205 at the time",
    ],
)
def test_so_many_requests_are_sent(
    tasks: TaskApi, place: Place, settings: dict[str, Any], requests: int, on: str
) -> None:
    """CT-206, CT-208, CT-210: those of the task count, and else those of the queue."""
    place.answers(*[500] * (requests + 1))
    other = retries(10, 0, 1) if on == "task" else None
    queue = tasks.queue(retry_config=settings if on == "queue" else other).name
    name = tasks.task(queue, url=place.url, retry_config=settings if on == "task" else None).name
    assert tasks.retries(name) == [settings["min_backoff"].total_seconds()] * (requests - 1)
    assert tasks.refusal("get_task", name=name) == GONE
    tasks.at(tasks.now + DAY / 2)
    assert [place.received().header("X-CloudTasks-TaskRetryCount") for _ in range(requests)] == [
        str(count) for count in range(requests)
    ]
    assert place.idle


def test_without_limits_a_task_is_tried_until_it_is_31_days_old(tasks: TaskApi, place: Place) -> None:
    """CT-145, CT-207."""
    place.answers(*[500] * 40)
    queue = tasks.queue(retry_config=retries(-1, 0, 86400)).name
    name = tasks.task(queue, url=place.url, name=f"{queue}/tasks/t").name
    for day in range(1, 32):
        failed = tasks.heard.wait(AttemptFailed, name, day)
        following = START + day * DAY
        assert failed.next_at == following
        tasks.at(following)
    tasks.heard.wait(AttemptFailed, name, 32)
    # It is looked at twice, a minute apart, whenever the sweeper has its turn.
    for _ in range(1000):
        if name in tasks.expired():
            break
        tasks.pass_time(61)
    assert tasks.expired() == [name]
    assert tasks.refusal("get_task", name=name) == GONE
    assert tasks.no_task(queue, name=name) == TOO_RECENT


def _give_up(tasks: TaskApi, place: Place, queue: str, name: str) -> None:
    place.answers(500)
    tasks.task(queue, url=place.url, name=name)
    assert tasks.heard.wait(AttemptFailed, name).next_at is None


def _finish(tasks: TaskApi, place: Place, queue: str, name: str) -> None:
    tasks.task(queue, url=place.url, name=name)
    tasks.finished(name)


def _run(tasks: TaskApi, place: Place, queue: str, name: str) -> None:
    tasks.task(queue, url=place.url, name=name, schedule_time=tasks.now + DAY)
    tasks.call("run_task", name=name)
    tasks.finished(name)


def _delete_while_it_runs(tasks: TaskApi, place: Place, queue: str, name: str) -> None:
    place.gate.clear()
    place.answers(500)
    tasks.task(queue, url=place.url, name=name)
    place.received()
    tasks.call("delete_task", name=name)
    place.gate.set()


@pytest.mark.parametrize("end", [_give_up, _finish, _run, _delete_while_it_runs])
def test_a_task_that_ended_blocks_its_name_for_a_day(
    tasks: TaskApi, worker: Worker, place: Place, end: Callable[[TaskApi, Place, str, str], None]
) -> None:
    """CT-129, CT-130, CT-133, CT-136, CT-144, CT-149: it is not sent again, and leaves its place to the next."""
    queue = tasks.queue(retry_config={"max_attempts": 1}, rate_limits={"max_concurrent_dispatches": 1}).name
    name = f"{queue}/tasks/t"
    end(tasks, place, queue, name)
    tasks.finished(tasks.task(queue, url=worker.place().url).name)
    tasks.pass_time(86400 - 1)
    assert tasks.refusal("get_task", name=name) == GONE
    assert tasks.no_task(queue, name=name) == TOO_RECENT
    tasks.pass_time(1)
    assert tasks.refusal("get_task", name=name) == NEVER
    if end is not _delete_while_it_runs:
        place.received()
    assert place.idle
    tasks.task(queue, url=place.url, name=name)
    place.received()


def test_what_run_task_failed_at_waits_from_its_end(tasks: TaskApi, worker: Worker) -> None:
    """CT-150, CT-151, CT-209: not from its start, nor for the time that was scheduled; the queue is paused."""
    place = worker.place()
    place.gate.clear()
    place.answers(500)
    queue = tasks.paused(retry_config=retries(-1, 0, 60))
    name = tasks.task(queue, url=place.url, schedule_time=START + DAY).name
    tasks.call("run_task", name=name)
    place.received()
    tasks.pass_time(30)
    place.gate.set()
    failed = tasks.failed(name)
    assert failed.last_attempt.dispatch_time == failed.first_attempt.dispatch_time == START
    assert failed.last_attempt.response_time == START + seconds(30)
    assert failed.schedule_time == START + seconds(90)
    assert tasks.begun(queue, 1, worker.place()) == [name.rpartition("/")[2]]
    tasks.pass_time(3600)
    assert len(tasks.begun(queue, 1, worker.place())) == 1
    tasks.call("resume_queue", name=queue)
    tasks.finished(name)
