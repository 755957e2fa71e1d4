"""A task whose worker is in the process that leases it: its record begins with the lease, and ends as that is told."""

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
    Cancelled,
    ErrorInfo,
    Event,
    Heard,
    Restarted,
    Started,
    Succeeded,
    TaskRecord,
    TaskStatus,
    after,
    as_seen,
    record_tag,
)
from gcptasks.results.store import NewRecord
from gcptasks.service import dispatch, task_records
from gcptasks.service.leased_records import Workers
from gcptasks.store.due import BEGINNING
from gcptasks.store.leases import Leased
from results.results_store_suite import EVENTS, happens
from service.service_kept import Kept

DAY = timedelta(days=1)
ID, OTHER = "0" * 31 + "1", "0" * 31 + "2"
ENDPOINT = "app.hello"
HERE = Workers({ENDPOINT}, lambda url: url.startswith("http://app.test/"))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "tasks.db")
    yield made
    made.store.close()


def add(kept: Kept, id: str = ID, endpoint: str = ENDPOINT) -> None:
    """A new record."""
    new = NewRecord(id=id, endpoint=endpoint, task_name=f"{kept.queue}/tasks/{id}")
    kept.store.write_sync(task_records.add_record, new, DAY, kept.clock.now())


def create(kept: Kept, task_id: str = ID, *, tag: str = record_tag(ID, 1), **request: Any) -> None:
    """A new task that says which record is its own."""
    http: dict[str, Any] = {"url": "http://app.test/", "headers": {RECORD_HEADER: tag}, **request}
    task = {"name": f"{kept.queue}/tasks/{task_id}", "http_request": http}
    kept.api.call("create_task", parent=kept.queue, task=task)


def lease(kept: Kept, workers: Workers = HERE) -> list[Leased]:
    """Begin an attempt of all that is due."""
    (queue,) = kept.store.read(dispatch.queues_after, 0, 0, 10).queues
    due = kept.store.read(dispatch.due_tasks, queue.queue.name, BEGINNING, 2**62, 10)
    wanted = dispatch.Wanted({queue.queue.name: [one.number for one in due]})
    return kept.store.write_sync(dispatch.lease, wanted, kept.clock.now(), workers)


def ends(kept: Kept, leased: Leased, reply: Reply) -> None:
    kept.store.write_sync(dispatch.acknowledge, [dispatch.Ended(leased, reply, kept.clock.now())])


def says(kept: Kept, event: Event) -> None:
    kept.store.write_sync(task_records.change_record, ID, 1, event, kept.clock.now())


def forget(kept: Kept) -> None:
    kept.store.write_sync(task_records.remove_record, ID, kept.clock.now())


def record(kept: Kept, id: str = ID) -> TaskRecord:
    return kept.store.read(task_records.get_records, [id], kept.clock.now())[id]


def happen(kept: Kept, events: list[tuple[Event, int]], record: TaskRecord) -> TaskRecord:
    """The record after these events, each as many seconds after the one before, which are written as well."""
    for event, seconds in events:
        kept.clock.advance(timedelta(seconds=seconds))
        event = happens(event, record)
        kept.store.write_sync(task_records.change_record, ID, record.run, event, kept.clock.now())
        record = after(record, event, record.run, kept.clock.now(), DAY)
    return record


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(EVENTS, st.sampled_from([0, 5])), max_size=6), st.none() | st.binary())
def test_a_lease_and_its_acknowledgement_write_what_the_rules_say(
    kept: Kept, events: list[tuple[Event, int]], result: bytes | None
) -> None:
    """Whatever happened to the record before, and whatever happens to it in between."""
    kept.api.call("purge_queue", name=kept.queue)
    kept.clock.advance(timedelta(days=30))  # names are free again
    forget(kept)
    add(kept)
    create(kept)
    expected = happen(kept, events[: len(events) // 2], record(kept))
    (leased,) = lease(kept)
    expected = after(expected, Started(ENDPOINT), 1, kept.clock.now(), DAY)
    if leased.record is not None:
        assert (leased.record.number, leased.record.task_name) == (expected.attempt, expected.task_name)
        assert leased.record.age == kept.clock.now() - (expected.started_at or kept.clock.now())
        leased.record.taken, leased.record.result = True, result
    expected = happen(kept, events[len(events) // 2 :], expected)
    ends(kept, leased, Reply(status=503))
    if leased.record is not None and result is not None:
        expected = after(expected, Succeeded(1, result), 1, kept.clock.now(), DAY)
    assert record(kept) == as_seen(expected, kept.clock.now())


def test_what_the_worker_left_is_the_result_and_the_task_is_gone(kept: Kept) -> None:
    add(kept)
    create(kept)
    (leased,) = lease(kept)
    assert leased.record is not None
    assert (record(kept).status, record(kept).attempt) == (TaskStatus.RUNNING, 1)
    leased.record.taken, leased.record.result = True, b'{"n":7}'
    ends(kept, leased, Reply(status=200))
    assert (record(kept).status, record(kept).result) == (TaskStatus.SUCCEEDED, b'{"n":7}')
    assert kept.rows("tasks") == 0


def test_a_cancel_before_the_acknowledgement_counts(kept: Kept) -> None:
    add(kept)
    create(kept)
    (leased,) = lease(kept)
    assert leased.record is not None
    leased.record.taken, leased.record.result = True, b"7"
    says(kept, Cancelled())
    ends(kept, leased, Reply(status=200))
    assert (record(kept).status, record(kept).result) == (TaskStatus.CANCELLED, None)


def test_an_attempt_that_the_app_refused_before_its_worker_has_failed(kept: Kept) -> None:
    add(kept)
    create(kept)
    (leased,) = lease(kept)
    ends(kept, leased, Reply(status=404))
    found = record(kept)
    assert (found.status, found.attempt) == (TaskStatus.WAITING, 1)
    assert found.error == ErrorInfo("", "the worker answered with 404")


def test_a_success_that_no_worker_recorded_counts_by_its_status(kept: Kept) -> None:
    add(kept)
    create(kept)
    (leased,) = lease(kept)
    ends(kept, leased, Reply(status=204))
    assert (record(kept).status, record(kept).result) == (TaskStatus.SUCCEEDED, None)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param({"url": "http://elsewhere.test/"}, id="its worker is elsewhere"),
        pytest.param({"task_id": OTHER}, id="it is that of another task"),
        pytest.param({"tag": record_tag(ID, 2)}, id="it is in another run"),
        pytest.param({"tag": "a"}, id="the tag is none"),
        pytest.param({"body": b"a" * 20_000}, id="the body is read when it is sent"),
    ],
)
def test_the_lease_leaves_the_record_where(task: dict[str, Any], kept: Kept) -> None:
    add(kept)
    create(kept, **task)
    before = record(kept)
    assert [one.record for one in lease(kept)] == [None]
    assert record(kept) == before


@pytest.mark.parametrize("final", [False, True])
def test_the_lease_leaves_records_of_other_endpoints_and_final_ones(final: bool, kept: Kept) -> None:
    add(kept, endpoint=ENDPOINT if final else "app.other")
    create(kept)
    if final:
        says(kept, Cancelled())
    before = record(kept)
    assert [one.record for one in lease(kept)] == [None]
    assert record(kept) == before


def test_the_lease_leaves_records_of_tasks_whose_queue_says_where_they_go(kept: Kept) -> None:
    add(kept)
    create(kept)
    target = {"uri_override": {"host": "elsewhere.test"}}
    kept.api.call("update_queue", queue={"name": kept.queue, "http_target": target})
    before = record(kept)
    assert [one.record for one in lease(kept)] == [None]
    assert record(kept) == before


def test_two_tasks_that_say_the_same_record_begin_it_once(kept: Kept) -> None:
    add(kept)
    create(kept, OTHER)
    create(kept)
    assert [one.record is not None for one in lease(kept)] == [False, True]
    assert record(kept).attempt == 1


def test_each_attempt_is_counted_once(kept: Kept) -> None:
    add(kept)
    create(kept)
    for number in (1, 2, 3):
        (leased,) = lease(kept)
        assert leased.record is not None
        assert leased.record.number == record(kept).attempt == number
        leased.record.taken = True
        says(kept, Heard(number))
        kept.clock.advance(timedelta(seconds=40))
        ends(kept, leased, Reply(status=500))
        kept.clock.advance(timedelta(hours=1))


def test_a_task_that_was_begun_anew_has_the_record_alone(kept: Kept) -> None:
    add(kept)
    create(kept)
    says(kept, Cancelled())
    again = Restarted(f"{kept.queue}/tasks/{OTHER}", b"", {})
    says(kept, again)
    create(kept, OTHER, tag=record_tag(ID, 2))
    old, new = lease(kept)
    assert old.record is None
    assert new.record is not None
    assert (new.record.run, new.record.number) == (2, 1)
