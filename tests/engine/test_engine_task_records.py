"""The record of a task: a table of who may move it from where."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.engine.task_records import (
    FRESH_FOR,
    AttemptFailed,
    Cancelled,
    Confirmed,
    ErrorInfo,
    Event,
    GivenUp,
    Heard,
    ProgressInfo,
    Restarted,
    Started,
    Succeeded,
    TaskRecord,
    TaskStatus,
    after,
    as_seen,
    parse_record_tag,
    record_tag,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
KEEP = timedelta(days=7)
ERROR = ErrorInfo("ValueError", "no")
HALF = ProgressInfo(1, of=2, note="half")


def record(status: TaskStatus, attempt: int) -> TaskRecord:
    return TaskRecord(
        id="1",
        endpoint="app.work",
        task_name="projects/p/locations/l/queues/q/tasks/1",
        run=2,
        status=status,
        attempt=attempt,
        created_at=NOW,
        started_at=NOW if attempt else None,
        heard_at=NOW if attempt else None,
        expires_at=NOW + KEEP,
    )


QUEUED = record(TaskStatus.QUEUED, 0)
RUNNING = record(TaskStatus.RUNNING, 2)
WAITING = record(TaskStatus.WAITING, 2)
ENDED = [
    replace(record(status, 2), finished_at=NOW)
    for status in (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.CANCELLED)
]
OPEN = [QUEUED, RUNNING, WAITING]
STARTED = Started("app.work")
RESTARTED = Restarted("projects/p/locations/l/queues/q/tasks/1-3", b"d", {"a": "b"})


def moved(before: TaskRecord, event: Event, run: int = 2) -> TaskRecord:
    return after(before, event, run, LATER, KEEP)


@pytest.mark.parametrize(
    ("before", "event", "status"),
    [
        (QUEUED, STARTED, TaskStatus.RUNNING),
        (WAITING, STARTED, TaskStatus.RUNNING),
        (RUNNING, STARTED, TaskStatus.RUNNING),
        (RUNNING, Heard(2), TaskStatus.RUNNING),
        (RUNNING, Succeeded(2, b"1"), TaskStatus.SUCCEEDED),
        (RUNNING, AttemptFailed(2, ERROR, for_good=False), TaskStatus.WAITING),
        (RUNNING, AttemptFailed(2, ERROR, for_good=True), TaskStatus.FAILED),
        (QUEUED, GivenUp("no attempt is left"), TaskStatus.FAILED),
        (RUNNING, GivenUp("no attempt is left"), TaskStatus.FAILED),
        (WAITING, GivenUp("no attempt is left"), TaskStatus.FAILED),
        (QUEUED, Cancelled(), TaskStatus.CANCELLED),
        (RUNNING, Cancelled(), TaskStatus.CANCELLED),
        (WAITING, Cancelled(), TaskStatus.CANCELLED),
        # An earlier attempt that ends while a later one runs.
        (RUNNING, Succeeded(1, b"1"), TaskStatus.SUCCEEDED),
        (RUNNING, AttemptFailed(1, ERROR, for_good=True), TaskStatus.FAILED),
        # What ends an attempt after its worker was silent for so long that it counted as cut off.
        (WAITING, Succeeded(2, b"1"), TaskStatus.SUCCEEDED),
    ],
)
def test_an_event_moves_a_record(before: TaskRecord, event: Event, status: TaskStatus) -> None:
    changed = moved(before, event)
    assert changed.status is status
    assert changed.version == before.version + 1
    assert changed.finished_at == (LATER if status.final else None)


@pytest.mark.parametrize(
    ("before", "event"),
    [
        (RUNNING, AttemptFailed(1, ERROR, for_good=False)),
        (RUNNING, Heard(1, HALF)),
        (WAITING, Heard(2, HALF)),
        (QUEUED, Heard(0, HALF)),
        (QUEUED, Confirmed()),
        (QUEUED, RESTARTED),
        (RUNNING, RESTARTED),
        (WAITING, RESTARTED),
        *[
            (ended, event)
            for ended in ENDED
            for event in (
                STARTED,
                Heard(2, HALF),
                Succeeded(2, b"2"),
                AttemptFailed(2, ERROR, for_good=True),
                AttemptFailed(2, ERROR, for_good=False),
                GivenUp("no attempt is left"),
                Cancelled(),
            )
        ],
    ],
)
def test_an_event_that_comes_late_changes_nothing(before: TaskRecord, event: Event) -> None:
    assert moved(before, event) is before


def test_an_attempt_has_the_next_number_and_a_progress_of_its_own() -> None:
    changed = moved(moved(replace(RUNNING, progress=HALF), STARTED), Heard(3))
    assert (changed.attempt, changed.progress, changed.heard_at, changed.started_at) == (3, None, LATER, NOW)


def test_progress_stays_until_there_is_other_progress() -> None:
    changed = moved(RUNNING, Heard(2, HALF))
    assert moved(changed, Heard(2)).progress == HALF


def test_a_success_forgets_the_error_of_an_earlier_attempt() -> None:
    changed = moved(moved(moved(RUNNING, AttemptFailed(2, ERROR, for_good=False)), STARTED), Succeeded(3, b"1"))
    assert (changed.error, changed.result) == (None, b"1")


def test_what_the_queue_gave_up_keeps_the_last_error() -> None:
    waiting = moved(RUNNING, AttemptFailed(2, ERROR, for_good=False))
    assert moved(waiting, GivenUp("no attempt is left")).error == ERROR
    assert moved(QUEUED, GivenUp("no attempt is left")).error == ErrorInfo("", "no attempt is left")


def test_a_record_is_kept_from_its_end_on() -> None:
    assert moved(RUNNING, Succeeded(2, None)).expires_at == LATER + KEEP


@pytest.mark.parametrize("ended", ENDED)
def test_a_finished_record_can_be_started_anew(ended: TaskRecord) -> None:
    changed = moved(ended, RESTARTED)
    assert (changed.status, changed.run, changed.attempt, changed.confirmed) == (TaskStatus.QUEUED, 3, 0, False)
    assert (changed.task_name, changed.arguments, changed.labels) == (
        RESTARTED.task_name,
        RESTARTED.arguments,
        RESTARTED.labels,
    )
    assert (changed.created_at, changed.finished_at, changed.expires_at) == (LATER, None, LATER + KEEP)
    assert (changed.result, changed.error, changed.progress) == (None, None, None)
    assert changed.version == ended.version + 1


def test_a_task_is_confirmed_once() -> None:
    assert moved(replace(QUEUED, confirmed=False), Confirmed()).confirmed
    assert moved(replace(QUEUED, confirmed=False), STARTED).confirmed


@pytest.mark.parametrize("silent", [timedelta(0), FRESH_FOR])
def test_an_attempt_runs_while_its_worker_is_heard(silent: timedelta) -> None:
    assert as_seen(RUNNING, NOW + silent) is RUNNING


def test_an_attempt_of_another_endpoint_is_none_of_the_record() -> None:
    assert moved(QUEUED, Started("app.other")) is QUEUED


def test_an_attempt_whose_worker_is_silent_was_cut_off() -> None:
    assert as_seen(RUNNING, NOW + FRESH_FOR + timedelta(microseconds=1)).status is TaskStatus.WAITING


@given(st.from_regex(r"[0-9a-f]{32}", fullmatch=True), st.integers(1, 10**8))
def test_an_attempt_finds_its_record_by_its_tag(id: str, run: int) -> None:
    assert parse_record_tag(record_tag(id, run)) == (id, run)


ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    "tag", ["", ".", ID, f"{ID}.", ".1", f"{ID}.x", f"{ID}.-1", f"{ID}.²", f"{ID}." + "9" * 5000, f"{ID}1.1", "x.1"]
)
def test_what_is_no_tag_finds_nothing(tag: str) -> None:
    assert parse_record_tag(tag) is None


EVENTS = st.one_of(
    st.sampled_from([Confirmed(), STARTED, Cancelled(), GivenUp("gone"), RESTARTED]),
    st.builds(Heard, st.integers(0, 4), st.sampled_from([None, HALF])),
    st.builds(Succeeded, st.integers(0, 4), st.sampled_from([b"1", b"2", None])),
    st.builds(AttemptFailed, st.integers(0, 4), st.just(ERROR), st.booleans()),
)


@given(st.lists(st.tuples(EVENTS, st.integers(1, 4))))
def test_whatever_comes_the_first_end_of_a_run_stays(events: list[tuple[Event, int]]) -> None:
    now = QUEUED
    for event, run in events:
        changed = moved(now, event, run)
        assert changed.run == now.run + (changed is not now and isinstance(event, Restarted))
        if now.status.final and changed.run == now.run:
            assert changed is now or (isinstance(event, Confirmed) and changed.status is now.status)
        assert changed.version == now.version + (changed is not now)
        assert changed.status.final == (changed.finished_at is not None)
        now = changed
