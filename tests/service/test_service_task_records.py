"""The service ends the record of a task by itself where no worker does, and drops what has expired."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gcptasks.engine.model import Reply
from gcptasks.engine.task_records import (
    RECORD_HEADER,
    AttemptFailed,
    Cancelled,
    ErrorInfo,
    Event,
    Heard,
    Started,
    Succeeded,
    TaskRecord,
    TaskStatus,
    after,
    as_seen,
    record_tag,
)
from gcptasks.results.store import Change, NewRecord
from gcptasks.service import dispatch, task_records
from gcptasks.store.due import BEGINNING
from gcptasks.store.leases import Leased
from results.results_store_suite import ATTEMPTS, EVENTS, happens
from service.service_kept import Kept

DAY = timedelta(days=1)
ID = "0" * 31 + "1"
STARTED = Started("app.hello")
DELETED = ErrorInfo("", "the task was deleted from its queue")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "tasks.db")
    yield made
    made.store.close()


def recorded(kept: Kept, id: str = ID, *, keep: timedelta = 7 * DAY, tag: str = "", **fields: Any) -> str:
    """The name of a new task, whose record has that id."""
    name = f"{kept.queue}/tasks/{id}"
    new = NewRecord(id=id, endpoint="app.hello", task_name=name)
    kept.store.write_sync(task_records.add_record, new, keep, kept.clock.now())
    kept.api.call(
        "create_task",
        parent=kept.queue,
        task={
            "name": name,
            "http_request": {"url": "http://worker.test/", "headers": {RECORD_HEADER: tag or record_tag(id, 1)}},
            **fields,
        },
    )
    return name


def record(kept: Kept, id: str = ID) -> TaskRecord:
    found = kept.store.read(task_records.get_records, [id], kept.clock.now())
    return found[id]


def says(kept: Kept, event: Event, id: str = ID) -> None:
    kept.store.write_sync(task_records.change_record, id, 1, event, kept.clock.now())


def lease(kept: Kept) -> Leased:
    """Begin an attempt of the only task that is due."""
    (queue,) = kept.store.read(dispatch.queues_after, 0, 0, 10).queues
    (due,) = kept.store.read(dispatch.due_tasks, queue.queue.name, BEGINNING, 2**62, 10)
    wanted = dispatch.Wanted({queue.queue.name: [due.number]})
    (leased,) = kept.store.write_sync(dispatch.lease, wanted, kept.clock.now())
    return leased


def ends(kept: Kept, leased: Leased, reply: Reply) -> None:
    kept.store.write_sync(dispatch.acknowledge, [dispatch.Ended(leased, reply, kept.clock.now())])


def sweep(kept: Kept) -> None:
    while kept.sweep():
        pass


def test_a_2xx_ends_the_record_that_nobody_has_ended(kept: Kept) -> None:
    recorded(kept)
    ends(kept, lease(kept), Reply(status=200))
    found = record(kept)
    assert (found.status, found.result, found.finished_at) == (TaskStatus.SUCCEEDED, None, kept.clock.now())


def test_a_2xx_changes_no_record_that_its_worker_has_ended(kept: Kept) -> None:
    recorded(kept)
    attempt = lease(kept)
    says(kept, STARTED)
    says(kept, Succeeded(1, b"7"))
    before = record(kept)
    ends(kept, attempt, Reply(status=200))
    assert record(kept) == before


def test_a_failure_that_is_not_the_last_changes_no_record(kept: Kept) -> None:
    recorded(kept)
    before = record(kept)
    ends(kept, lease(kept), Reply(status=500))
    assert record(kept) == before


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(status=500), "its last attempt was answered with HTTP 500"),
        (Reply(status=0, reason="connection refused"), "connection refused"),
    ],
)
def test_the_last_failure_ends_the_record_of_a_task_whose_worker_said_nothing(
    kept: Kept, reply: Reply, message: str
) -> None:
    recorded(kept, retry_config={"max_attempts": 1})
    ends(kept, lease(kept), reply)
    assert (record(kept).status, record(kept).error) == (TaskStatus.FAILED, ErrorInfo("", message))


def test_the_last_failure_keeps_what_the_worker_said_of_it(kept: Kept) -> None:
    recorded(kept, retry_config={"max_attempts": 1})
    attempt = lease(kept)
    says(kept, STARTED)
    error = ErrorInfo("builtins.ValueError", "no")
    says(kept, AttemptFailed(1, error, for_good=False))
    ends(kept, attempt, Reply(status=500))
    assert (record(kept).status, record(kept).error, record(kept).attempt) == (TaskStatus.FAILED, error, 1)


def test_a_worker_that_dies_in_the_last_attempt_leaves_a_failed_record(kept: Kept) -> None:
    recorded(kept, retry_config={"max_attempts": 1})
    attempt = lease(kept)
    says(kept, STARTED)
    ends(kept, attempt, Reply(status=0, reason="the connection was closed"))
    assert record(kept).status is TaskStatus.FAILED


def test_a_task_that_is_deleted_ends_its_record(kept: Kept) -> None:
    kept.api.call("delete_task", name=recorded(kept))
    assert (record(kept).status, record(kept).error) == (TaskStatus.FAILED, DELETED)


def test_a_cancelled_record_stays_so_when_its_task_is_deleted(kept: Kept) -> None:
    name = recorded(kept)
    says(kept, Cancelled())
    kept.api.call("delete_task", name=name)
    assert record(kept).status is TaskStatus.CANCELLED


@pytest.mark.parametrize("call", ["purge_queue", "delete_queue"])
def test_a_queue_that_is_purged_or_deleted_ends_the_records_of_its_tasks(kept: Kept, call: str) -> None:
    ids = [f"{n:032x}" for n in range(250)]
    for id in ids:
        recorded(kept, id)
    kept.api.task(kept.queue)
    kept.api.call(call, name=kept.queue)
    sweep(kept)
    assert {(record(kept, id).status, record(kept, id).error) for id in ids} == {(TaskStatus.FAILED, DELETED)}


@pytest.mark.parametrize("call", ["delete_task", "purge_queue", "delete_queue"])
@pytest.mark.parametrize("status", [200, 500])
def test_an_attempt_that_runs_when_its_task_is_deleted_still_ends_the_record(
    kept: Kept, call: str, status: int
) -> None:
    name = recorded(kept)
    attempt = lease(kept)
    says(kept, STARTED)
    kept.api.call(call, name=name if call == "delete_task" else kept.queue)
    sweep(kept)
    assert record(kept).status is TaskStatus.RUNNING
    kept.clock.advance(timedelta(seconds=10))
    says(kept, Heard(1))
    if status == 200:
        says(kept, Succeeded(1, b"7"))
    else:
        says(kept, AttemptFailed(1, ErrorInfo("builtins.ValueError", "no"), for_good=False))
    ends(kept, attempt, Reply(status=status))
    assert record(kept).status is (TaskStatus.SUCCEEDED if status == 200 else TaskStatus.FAILED)


@pytest.mark.parametrize("call", ["delete_task", "purge_queue", "delete_queue"])
def test_an_attempt_that_dies_after_its_task_was_deleted_leaves_a_failed_record(kept: Kept, call: str) -> None:
    """Of 150 attempts half go on, more than are looked at in one step of the sweeper."""
    ids = [f"{n:032x}" for n in range(150)]
    names = [recorded(kept, id) for id in ids]
    for id in ids:
        says(kept, STARTED, id)
    for name in names if call == "delete_task" else [kept.queue]:
        kept.api.call(call, name=name)
    sweep(kept)
    for _ in range(3):  # the others fall silent after a while
        kept.clock.advance(timedelta(seconds=12))
        for id in ids[::2]:
            says(kept, Heard(1), id)
        sweep(kept)
    assert {record(kept, id).status for id in ids[::2]} == {TaskStatus.RUNNING}
    assert {(record(kept, id).status, record(kept, id).error) for id in ids[1::2]} == {(TaskStatus.FAILED, DELETED)}
    for id in ids[::2]:
        says(kept, Succeeded(1, b"7"), id)
    kept.clock.advance(timedelta(seconds=60))
    sweep(kept)
    assert {record(kept, id).status for id in ids[::2]} == {TaskStatus.SUCCEEDED}
    kept.clock.advance(7 * DAY)
    sweep(kept)
    assert kept.rows("task_records") == 0


def test_a_task_that_is_too_old_ends_its_record(kept: Kept) -> None:
    recorded(kept, keep=100 * DAY)
    kept.clock.advance(32 * DAY)
    sweep(kept)
    assert kept.names() == []
    assert (record(kept).status, record(kept).error) == (
        TaskStatus.FAILED,
        ErrorInfo("", "the task was older than 31 days"),
    )


@pytest.mark.parametrize("tag", [record_tag(ID, 2), f"{'0' * 32}.1", "1", f"{ID}.x"])
def test_a_header_that_names_another_run_or_nothing_changes_no_record(kept: Kept, tag: str) -> None:
    recorded(kept, tag=tag)
    before = record(kept)
    ends(kept, lease(kept), Reply(status=200))
    assert record(kept) == before


def test_another_task_with_the_header_of_a_record_does_not_end_it(kept: Kept) -> None:
    recorded(kept)
    other = f"{ID[:-1]}2"
    recorded(kept, other, tag=record_tag(ID, 1))
    kept.api.call("delete_task", name=f"{kept.queue}/tasks/{other}")
    assert record(kept).status is TaskStatus.QUEUED


def test_records_are_dropped_once_they_have_expired(kept: Kept) -> None:
    many = [NewRecord(id=f"{n:032x}", endpoint="app.hello", task_name="") for n in range(250)]
    kept.store.write_sync(task_records.add_records, many, DAY, kept.clock.now())
    kept.store.write_sync(
        task_records.add_records, [NewRecord(id=ID + "0", endpoint="e", task_name="")], 2 * DAY, kept.clock.now()
    )
    kept.clock.advance(DAY - timedelta(seconds=1))
    sweep(kept)
    assert kept.rows("task_records") == 251
    kept.clock.advance(timedelta(seconds=1))
    sweep(kept)
    assert kept.rows("task_records") == 1


def test_what_ended_late_is_dropped_when_it_expires(kept: Kept) -> None:
    ids = [f"{n:032x}" for n in range(150)]
    for id in ids:
        recorded(kept, id, keep=DAY)
    kept.clock.advance(DAY / 2)
    for id in ids[:120]:
        says(kept, Cancelled(), id)
    kept.clock.advance(DAY / 2)
    sweep(kept)
    assert kept.rows("task_records") == 120
    kept.clock.advance(DAY / 2 - timedelta(seconds=1))
    sweep(kept)
    assert kept.rows("task_records") == 120
    kept.clock.advance(timedelta(seconds=1))
    sweep(kept)
    assert kept.rows("task_records") == 0


def test_a_record_that_ends_stays_as_long_again(kept: Kept) -> None:
    recorded(kept, keep=DAY)
    kept.clock.advance(DAY / 2)
    kept.api.call("delete_task", name=f"{kept.queue}/tasks/{ID}")
    kept.clock.advance(DAY * 0.75)
    sweep(kept)
    assert record(kept).status is TaskStatus.FAILED
    kept.clock.advance(DAY / 4)
    assert kept.store.read(task_records.get_records, [ID], kept.clock.now()) == {}


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(EVENTS, ATTEMPTS, st.sampled_from([0, 5, 20])), max_size=20))
def test_what_is_written_is_what_the_rules_say(kept: Kept, events: list[tuple[Event, int, int]]) -> None:
    """To the microsecond, also where an event is written by a statement of its own."""
    kept.store.write_sync(task_records.remove_record, ID, kept.clock.now())
    new = NewRecord(id=ID, endpoint="app.hello", task_name="", confirmed=False)
    expected = kept.store.write_sync(task_records.add_record, new, DAY, kept.clock.now())
    for event, run, seconds in events:
        kept.clock.advance(timedelta(seconds=seconds))
        now = kept.clock.now()
        event, before, run = happens(event, expected), expected, expected.run + run
        expected = after(expected, event, run, now, DAY)
        change = kept.store.write_sync(task_records.change_record, ID, run, event, now)
        assert change is not None
        assert change == Change(as_seen(expected, now), expected is not before)
        assert record(kept) == change.record
