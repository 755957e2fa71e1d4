from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.events import AttemptFailed, AttemptSucceeded, TaskExpired
from gcptasks.base.names import TaskName, parse_queue
from gcptasks.engine import tasks
from gcptasks.engine.decision import Decision
from gcptasks.engine.model import Attempt, HttpRequest, Reply, RetryConfig, Task

NAME = TaskName(parse_queue("projects/p/locations/l/queues/q"), "t")
DUE = datetime(2030, 1, 2, 3, 4, 5, 123456, UTC)
SENT = DUE + timedelta(milliseconds=20)
NOW = SENT + timedelta(seconds=7)
SECOND = 1_000_000_000
ZONES = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
RETRY = RetryConfig(max_attempts=3, min_backoff_ns=10 * SECOND, max_backoff_ns=300 * SECOND)

WAITING = Task(
    name=NAME,
    request=HttpRequest(url="https://worker.example.com/"),
    created_at=DUE.replace(microsecond=0),
    scheduled_at=DUE,
    dispatch_deadline=timedelta(minutes=10),
)


def under_way(count: int = 1, task: Task = WAITING) -> Task:
    for _ in range(count):
        task = tasks.dispatched(task, SENT)
    return task


def answered(task: Task, reply: Reply, config: RetryConfig = RETRY, now: datetime = NOW) -> Decision:
    assert task.last_attempt is not None
    return tasks.answered(task, task.last_attempt, reply, config, now)


def waiting(decision: Decision) -> Task:
    assert decision.task is not None
    return decision.task


def changes(before: Task, after: Task) -> dict[str, Any]:
    names = [f.name for f in fields(Task)]
    return {n: getattr(after, n) for n in names if getattr(after, n) != getattr(before, n)}


def test_a_first_attempt_starts() -> None:
    """CT-184, CT-185, CT-186."""
    assert changes(WAITING, tasks.dispatched(WAITING, SENT)) == {
        "dispatch_count": 1,
        "first_dispatched_at": SENT,
        "last_attempt": Attempt(scheduled_at=DUE, dispatched_at=SENT),
    }


def test_a_later_attempt_leaves_the_time_of_the_first() -> None:
    """CT-185."""
    first = waiting(answered(under_way(), Reply(status=500)))
    later = first.scheduled_at + timedelta(seconds=1)
    assert changes(first, tasks.dispatched(first, later)) == {
        "dispatch_count": 2,
        "last_attempt": Attempt(scheduled_at=first.scheduled_at, dispatched_at=later),
    }


def test_a_forced_task_is_shown_as_its_attempt_starts() -> None:
    """CT-148."""
    assert changes(WAITING, tasks.forced(WAITING)) == {
        "dispatch_count": 1,
        "last_attempt": Attempt(scheduled_at=DUE),
    }


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_task_is_gone_after_2xx(status: int) -> None:
    """CT-176, CT-149."""
    task = under_way(2)
    assert answered(task, Reply(status=status)) == Decision(None, (AttemptSucceeded(NAME, 2, status, NOW),))


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        pytest.param(301, 1, id="CT-178 and CT-184 301"),
        pytest.param(400, 1, id="CT-184 400"),
        pytest.param(404, 1, id="CT-165 404"),
        pytest.param(429, 1, id="CT-165 429"),
        pytest.param(499, 1, id="CT-184 499"),
        pytest.param(500, 0, id="CT-184 500"),
        pytest.param(503, 0, id="CT-165 503"),
        pytest.param(504, 0, id="CT-312 a passed deadline"),
        pytest.param(507, 0, id="CT-184 507"),
        pytest.param(0, 0, id="CT-313 unreachable"),
        pytest.param(600, 1, id="CT-184 600"),
        pytest.param(199, 1, id="CT-177 199"),
    ],
)
def test_a_failed_attempt_is_written_down_and_the_task_waits(status: int, counts: int) -> None:
    """CT-150, CT-177, CT-186, CT-188, CT-209: the wait starts when the attempt has ended."""
    task = under_way()
    decision = answered(task, Reply(status=status, reason="why"))
    next_at = NOW + timedelta(seconds=10)
    ended = Attempt(scheduled_at=DUE, dispatched_at=SENT, responded_at=NOW, status=status)
    assert decision.task == replace(task, scheduled_at=next_at, response_count=counts, last_attempt=ended)
    assert decision.events == (AttemptFailed(NAME, 1, status, "why", next_at, NOW),)


def test_a_failure_without_a_reason_tells_the_status() -> None:
    """CT-187."""
    (event,) = answered(under_way(), Reply(status=404)).events
    assert isinstance(event, AttemptFailed)
    assert event.reason == "NOT_FOUND(5): HTTP status code 404"


def test_the_recorded_sequence_counts_what_was_recorded() -> None:
    """CT-165: answers 503, 404, 429, 500, 302, 200."""
    config = replace(RETRY, max_attempts=10)
    task, counts = WAITING, list[tuple[int, int]]()
    for status in (503, 404, 429, 500, 302):
        task = tasks.dispatched(task, NOW)
        counts.append((task.dispatch_count - 1, task.response_count))
        task = waiting(answered(task, Reply(status=status), config))
    task = tasks.dispatched(task, NOW)
    counts.append((task.dispatch_count - 1, task.response_count))
    assert counts == [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3)]
    assert answered(task, Reply(status=200), config).task is None


@pytest.mark.parametrize(
    ("count", "own", "queue", "over"),
    [
        pytest.param(2, None, RETRY, False, id="CT-202 not yet"),
        pytest.param(3, None, RETRY, True, id="CT-202 used up"),
        pytest.param(3, None, replace(RETRY, max_attempts=-1), False, id="CT-203 no limit"),
        pytest.param(
            2, replace(RETRY, max_attempts=2), replace(RETRY, max_attempts=10), True, id="CT-210 its own limit"
        ),
        pytest.param(3, replace(RETRY, max_attempts=4), RETRY, False, id="CT-210 more than its queue"),
        pytest.param(
            1, None, replace(RETRY, max_attempts=-1, max_retry_duration_ns=7 * SECOND), True, id="CT-204 time used up"
        ),
        pytest.param(
            1, None, replace(RETRY, max_attempts=-1, max_retry_duration_ns=8 * SECOND), False, id="CT-204 not yet"
        ),
        pytest.param(3, None, replace(RETRY, max_retry_duration_ns=8 * SECOND), False, id="CT-205 the attempts alone"),
    ],
)
def test_a_task_that_used_up_its_retries_is_gone(
    count: int, own: RetryConfig | None, queue: RetryConfig, over: bool
) -> None:
    """CT-208."""
    task = under_way(count, replace(WAITING, retry_config=own))
    decision = answered(task, Reply(status=500, reason="why"), queue)
    assert (decision.task is None) is over
    if over:
        assert decision.events == (AttemptFailed(NAME, count, 500, "why", None, NOW),)


@pytest.mark.parametrize(
    ("status", "after", "seconds"),
    [
        pytest.param(429, timedelta(seconds=60), 60, id="CT-L7 429"),
        pytest.param(503, timedelta(days=2), 2 * 86400, id="CT-L7 503"),
        pytest.param(503, timedelta(seconds=1), 10, id="CT-L7 shorter than the backoff"),
        pytest.param(503, timedelta(seconds=-60), 10, id="CT-L7 in the past"),
        pytest.param(503, timedelta(0), 10, id="CT-L7 nothing"),
        pytest.param(500, timedelta(seconds=60), 10, id="CT-L7 another status"),
        pytest.param(503, NOW + timedelta(seconds=90), 90, id="CT-L7 a date"),
        pytest.param(503, NOW - timedelta(days=90), 10, id="CT-L7 a date in the past"),
        pytest.param(503, datetime(9999, 12, 31, tzinfo=UTC), 31 * 86400, id="CT-145 a date far away"),
        pytest.param(503, timedelta.max, 31 * 86400, id="CT-145 never longer than a task lives"),
    ],
)
def test_retry_after_delays_the_next_attempt(status: int, after: timedelta | datetime, seconds: int) -> None:
    decision = answered(under_way(), Reply(status=status, retry_after=after))
    assert waiting(decision).scheduled_at == NOW + timedelta(seconds=seconds)


def test_retry_after_does_not_add_attempts() -> None:
    reply = Reply(status=503, retry_after=timedelta(hours=1))
    assert answered(under_way(3), reply).task is None


@pytest.mark.parametrize("age", [timedelta(days=31), timedelta(days=10_000), timedelta(days=-1)])
def test_no_attempt_is_the_last_for_the_age_of_its_task(age: timedelta) -> None:
    """CT-207. It may be the clock that is wrong; a task that is too old goes when the sweeper is certain (CT-145)."""
    now = WAITING.created_at + age
    decision = answered(under_way(), Reply(status=500, reason="why"), replace(RETRY, max_attempts=-1), now)
    assert waiting(decision).scheduled_at > now
    assert not any(isinstance(event, TaskExpired) for event in decision.events)


def test_the_wait_is_rounded_up_so_that_nothing_is_early() -> None:
    config = RetryConfig(min_backoff_ns=1_234_567_891, max_backoff_ns=10 * SECOND)
    decision = answered(under_way(), Reply(status=500), config)
    assert waiting(decision).scheduled_at == NOW + timedelta(microseconds=1_234_568)


def test_an_attempt_that_ended_while_a_forced_one_runs_is_the_one_written_down() -> None:
    """CT-147."""
    first = under_way()
    assert first.last_attempt is not None
    forced = tasks.dispatched(first, SENT + timedelta(seconds=3))
    decision = tasks.answered(forced, first.last_attempt, Reply(status=500), RETRY, NOW)
    assert waiting(decision).last_attempt == replace(first.last_attempt, responded_at=NOW, status=500)
    assert waiting(decision).dispatch_count == 2


@given(
    count=st.integers(1, 10**9),
    low=st.integers(1, 315_576_000_000 * SECOND),
    above=st.integers(0, 10**21),
    doublings=st.integers(1, 2**31 - 1),
    retry_after=st.none() | st.timedeltas() | st.datetimes(timezones=ZONES),
    status=st.integers(0, 999).filter(lambda s: not 200 <= s <= 299),
)
def test_no_configuration_makes_an_answer_fail_or_come_early(
    count: int, low: int, above: int, doublings: int, retry_after: timedelta | datetime | None, status: int
) -> None:
    config = RetryConfig(max_attempts=-1, min_backoff_ns=low, max_backoff_ns=low + above, max_doublings=doublings)
    task = replace(under_way(), dispatch_count=count)
    decision = answered(task, Reply(status=status, retry_after=retry_after), config)
    assert NOW < waiting(decision).scheduled_at <= NOW + timedelta(days=31)
