"""When a failed task is tried again, and when it is given up (section 17 of the contract)."""

from datetime import timedelta
from typing import Any

import pytest

from gcptasks.base.events import AttemptFailed
from service.service_world import Api, Place
from service.test_service_repeats import GONE


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


@pytest.mark.parametrize(
    ("retries", "delays"),
    [
        ({"min_backoff": _seconds(1), "max_backoff": _seconds(7), "max_doublings": 1}, [1, 2, 4, 6, 7, 7]),
        (
            {"min_backoff": _seconds(10), "max_backoff": _seconds(300), "max_doublings": 3},
            [10, 20, 40, 80, 160, 240, 300, 300],
        ),
        ({}, [0.1, 0.2, 0.4, 0.8]),
        ({"max_backoff": _seconds(0.15)}, [0.1, 0.15, 0.15]),
        ({"min_backoff": _seconds(3600)}, [3600, 3600]),
    ],
    ids=["CT-199 as measured", "CT-200 as documented", "CT-030 defaults", "CT-199 largest", "CT-043 one value"],
)
@pytest.mark.parametrize("on", ["queue", "task"])
def test_the_wait_grows(api: Api, place: Place, on: str, retries: dict[str, Any], delays: list[float]) -> None:
    """CT-199, CT-200, CT-209, CT-210: from the end of the failed attempt."""
    place.answers(*[500] * len(delays))
    # The queue is paused, and each attempt asked for: no test waits for an hour.
    queue = api.paused(retry_config=retries if on == "queue" else None)
    name = api.task(queue, url=place.url, retry_config=retries if on == "task" else None).name
    for count, delay in enumerate(delays, 1):
        api.call("run_task", name=name)
        task = api.failed(name, count)
        assert task.schedule_time == task.last_attempt.response_time + _seconds(delay)


@pytest.mark.parametrize(
    ("retries", "attempts"),
    [({"max_attempts": 1}, 1), ({"max_attempts": 3}, 3), ({"max_attempts": 2, "max_retry_duration": _seconds(0)}, 2)],
    ids=["CT-202 one", "CT-202 three", "CT-206 no time"],
)
def test_a_task_is_given_up_after_its_attempts(api: Api, place: Place, retries: dict[str, Any], attempts: int) -> None:
    """CT-202, CT-208."""
    place.answers(*[500] * 10)
    queue = api.queue(retry_config=retries | {"min_backoff": _seconds(0.001)}).name
    name = api.task(queue, url=place.url).name
    assert api.heard.wait(AttemptFailed, name, attempts).next_at is None
    assert api.refusal("get_task", name=name) == GONE
    for _ in range(attempts):
        place.received()
    assert place.idle


def test_both_limits_must_be_reached(api: Api, place: Place) -> None:
    """CT-205: past its attempts, but not past its time."""
    place.answers(*[500] * 3)
    retries = {"max_attempts": 1, "max_retry_duration": _seconds(3600), "min_backoff": _seconds(0.001)}
    name = api.task(api.queue(retry_config=retries).name, url=place.url).name
    api.finished(name)
    assert len([place.received() for _ in range(4)]) == 4


def test_time_alone_may_be_the_limit(api: Api, place: Place) -> None:
    """CT-203, CT-204: less than a second has passed when the first attempt fails, so one more lies beyond."""
    place.answers(*[500] * 3)
    retries = {"max_attempts": -1, "max_retry_duration": _seconds(1), "min_backoff": _seconds(1)}
    name = api.task(api.queue(retry_config=retries).name, url=place.url).name
    assert api.heard.wait(AttemptFailed, name, 1).next_at is not None
    assert api.heard.wait(AttemptFailed, name, 2).next_at is None
    assert api.refusal("get_task", name=name) == GONE


def test_no_limit_on_attempts_means_none(api: Api, place: Place) -> None:
    """CT-203, CT-207: more of them than the default allows."""
    place.answers(*[500] * 101)
    retries = {"max_attempts": -1, "min_backoff": _seconds(0.001), "max_backoff": _seconds(0.001)}
    name = api.task(api.queue(retry_config=retries).name, url=place.url).name
    api.finished(name)
    assert api.heard.wait(AttemptFailed, name, 101).attempt == 101
