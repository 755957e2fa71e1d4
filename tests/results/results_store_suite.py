"""What every store of results must do: its blocking calls and its awaited ones alike."""

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from secrets import token_hex
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gcptasks.engine.task_records import (
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
)
from gcptasks.results.store import AsyncStore, Attempt, BlockingStore, NewRecord, Query, ResultStore

QUEUE = "projects/p/locations/l/queues/q"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
STARTED = Started("app.hello")
ERROR = ErrorInfo("builtins.ValueError", "Das war nichts: ☠", None)

MakeResults = Callable[..., ResultStore]
"""Makes a store with these options; each is in the same place, as those of several processes are."""


class InThread:
    """The blocking calls of a store, each made in a thread of its own, so that a test can await them."""

    def __init__(self, store: BlockingStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return partial(asyncio.to_thread, getattr(self._store, name))


def calls_of(store: ResultStore, how: str) -> AsyncStore:
    """The calls of a store, "awaited" or "blocking"."""
    if how == "awaited":
        return store.awaiting()
    return cast(AsyncStore, InThread(store.blocking()))


@asynccontextmanager
async def closing(calls: AsyncStore) -> AsyncGenerator[AsyncStore]:
    """These calls, and no connection afterwards."""
    try:
        yield calls
    finally:
        await calls.close()


def awaited(store: ResultStore) -> AsyncStore:
    """The awaited calls of a store; skips the test where there are none."""
    try:
        return store.awaiting()
    except TypeError as error:
        pytest.skip(str(error))


def new(id: str | None = None, **fields: Any) -> NewRecord:
    """A record of a task that nobody made before."""
    id = id or token_hex(16)
    asked: dict[str, Any] = {"id": id, "endpoint": "app.hello", "task_name": f"{QUEUE}/tasks/{id}"}
    return NewRecord(**{**asked, **fields})


async def until(happens: Callable[[], Any]) -> None:
    """Return once that is so; fail if it is not within some seconds."""
    end = time.monotonic() + 20
    while True:
        found = happens()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


@asynccontextmanager
async def waiting(calls: AsyncStore, id: str, version: int, many: int = 1) -> AsyncGenerator[list[asyncio.Task[None]]]:
    """Tasks that wait for a change of that record, and must see one within the block."""
    waits = [asyncio.create_task(calls.wait(id, version, 30)) for _ in range(many)]
    try:
        await asyncio.sleep(0)
        yield waits
        done, _ = await asyncio.wait(waits, timeout=20)
        assert len(done) == many
    finally:
        for one in waits:
            one.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def changed(calls: AsyncStore, id: str, event: Event, run: int = 1) -> TaskRecord:
    """The record after an event that changes it."""
    change = await calls.change(id, run, event)
    assert change is not None
    assert change.made
    return change.record


async def unchanged(calls: AsyncStore, id: str, event: Event, run: int = 1) -> TaskRecord:
    """The record after an event that does not change it."""
    change = await calls.change(id, run, event)
    assert change is not None
    assert not change.made
    return change.record


ATTEMPTS = st.sampled_from([0, 0, 0, -1, 1])
"""Counted from the record's own attempt; so are runs."""
ERRORS = st.builds(ErrorInfo, TEXTS, TEXTS, st.none() | TEXTS)
NUMBERS = st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9)
PROGRESS = st.builds(ProgressInfo, NUMBERS, st.none() | NUMBERS, st.none() | TEXTS)
TASKS = st.sampled_from([None, None, None, "of-another-task"])
STARTS = st.sampled_from([STARTED, STARTED, STARTED, Started("app.other"), Started("app.hello", "of-another-task")])
ENDS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Succeeded, ATTEMPTS, st.none() | st.binary(), TASKS),
    st.builds(AttemptFailed, ATTEMPTS, ERRORS, st.just(True), TASKS),
    st.builds(GivenUp, TEXTS),
    st.just(Cancelled()),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    STARTS,
    STARTS,
    st.builds(Heard, ATTEMPTS, st.none() | PROGRESS, TASKS),
    st.builds(AttemptFailed, ATTEMPTS, ERRORS, st.just(False), TASKS),
    st.builds(Restarted, TEXTS, st.binary(), st.dictionaries(TEXTS, TEXTS, max_size=2)),
    st.just(Confirmed()),
    ENDS,
)


def happens(event: Event, record: TaskRecord) -> Event:
    """The event, with its attempt as the record counts."""
    if isinstance(event, Heard | Succeeded | AttemptFailed):
        return replace(event, attempt=record.attempt + event.attempt)
    return event


def without_times(record: TaskRecord) -> TaskRecord:
    """The record with one time in place of each that it has, and one version, which are the store's own."""
    some = datetime(2000, 1, 1, tzinfo=UTC)
    return replace(
        record,
        created_at=some,
        expires_at=some,
        started_at=record.started_at and some,
        finished_at=record.finished_at and some,
        heard_at=record.heard_at and some,
        version=0,
    )


class StoreSuite:
    """Tests on `calls`, of a store that `make_results` has made."""

    async def test_a_record_is_kept_as_it_was_asked_for(self, calls: AsyncStore) -> None:
        before = datetime.now(UTC) - timedelta(minutes=5)
        asked = new(labels={"owner": "Zoë", "quote'd": '"'}, arguments=b"\x00\xff")
        added = await calls.add(asked)
        assert (added.id, added.endpoint, added.task_name) == (asked.id, asked.endpoint, asked.task_name)
        assert (dict(added.labels), added.arguments, added.confirmed) == (dict(asked.labels), b"\x00\xff", True)
        assert (added.status, added.attempt, added.run) == (TaskStatus.QUEUED, 0, 1)
        assert before < added.created_at < datetime.now(UTC) + timedelta(minutes=5)
        assert added.expires_at - added.created_at == timedelta(days=7)
        unset = (added.progress, added.result, added.error, added.started_at, added.heard_at, added.finished_at)
        assert unset == (None,) * 6
        assert await calls.get(asked.id) == added

    async def test_an_id_that_is_taken_gives_the_record_that_has_it(self, calls: AsyncStore) -> None:
        first = await calls.add(new("a" * 32, arguments=b"1", confirmed=False))
        assert first.confirmed is False
        assert await calls.add(new("a" * 32, arguments=b"2")) == first
        assert await calls.get("a" * 32) == first

    async def test_of_many_who_add_one_id_at_once_all_get_the_same_record(self, calls: AsyncStore) -> None:
        one_id = token_hex(16)
        got = await asyncio.gather(*(calls.add(new(one_id, arguments=bytes([n]))) for n in range(10)))
        assert all(record == got[0] for record in got)

    async def test_many_records_are_added_at_once(self, calls: AsyncStore) -> None:
        many = [new(labels={"n": str(n)}) for n in range(100)]
        await calls.add_many(many)
        assert [dict(record.labels) for one in many if (record := await calls.get(one.id))] == [
            dict(one.labels) for one in many
        ]
        await calls.add_many([])

    async def test_what_nobody_added_is_not_there(self, calls: AsyncStore) -> None:
        assert await calls.get("b" * 32) is None
        assert await calls.change("b" * 32, 1, STARTED) is None
        assert await calls.remove("b" * 32) is False
        await calls.hear([Attempt("b" * 32, 1, 1)])
        await calls.wait("b" * 32, 1, 30)
        assert await calls.get("b" * 32) is None

    async def test_a_task_runs_and_succeeds(self, calls: AsyncStore) -> None:
        id = (await calls.add(new())).id
        started = await changed(calls, id, STARTED)
        assert (started.status, started.attempt) == (TaskStatus.RUNNING, 1)
        assert started.started_at is not None
        assert await calls.get(id) == started
        result = bytes(range(256)) * 100
        ended = await changed(calls, id, Succeeded(1, result))
        assert (ended.status, ended.result, ended.started_at) == (TaskStatus.SUCCEEDED, result, started.started_at)
        assert ended.finished_at is not None
        assert ended.expires_at == ended.finished_at + timedelta(days=7)
        assert await calls.get(id) == ended

    async def test_an_attempt_of_another_endpoint_changes_nothing(self, calls: AsyncStore) -> None:
        record = await calls.add(new())
        assert await unchanged(calls, record.id, Started("app.other")) == record

    async def test_an_attempt_at_another_task_changes_nothing(self, calls: AsyncStore) -> None:
        """Its key was forgotten and used again, so its record has the same id."""
        id = token_hex(16)
        record = await calls.add(new(id, task_name=f"{QUEUE}/tasks/{id}-new"))
        for other in (f"{id}-old", "w", "", f"{id}-new/", f"tasks/{id}-new"):
            assert await unchanged(calls, id, Started("app.hello", other)) == record
        record = await changed(calls, id, Started("app.hello", f"{id}-new"))
        assert record.attempt == 1
        late: list[Event] = [
            Heard(1, ProgressInfo(1), f"{id}-old"),
            AttemptFailed(1, ERROR, True, f"{id}-old"),
            Succeeded(1, b"7", f"{id}-old"),
        ]
        for event in late:
            assert await unchanged(calls, id, event) == record
        assert (await changed(calls, id, Succeeded(1, b"7", f"{id}-new"))).result == b"7"

    async def test_progress_and_errors_are_kept(self, calls: AsyncStore) -> None:
        id = (await calls.add(new())).id
        await changed(calls, id, STARTED)
        progress = ProgressInfo(2, of=3.5, note="encoding 🎬")
        heard = await changed(calls, id, Heard(1, progress))
        assert heard.progress == progress
        failed = await changed(calls, id, AttemptFailed(1, ERROR, for_good=False))
        assert (failed.status, failed.error, failed.progress) == (TaskStatus.WAITING, ERROR, progress)
        assert await calls.get(id) == failed
        again = await changed(calls, id, STARTED)
        assert (again.status, again.attempt, again.progress) == (TaskStatus.RUNNING, 2, None)

    async def test_of_two_cancels_at_once_one_is_told_that_it_did(self, calls: AsyncStore) -> None:
        id = (await calls.add(new())).id
        first, second = await asyncio.gather(calls.change(id, 1, Cancelled()), calls.change(id, 1, Cancelled()))
        assert first is not None
        assert second is not None
        assert (first.record, {first.made, second.made}) == (second.record, {True, False})

    async def test_a_final_record_stays(self, calls: AsyncStore) -> None:
        id = (await calls.add(new())).id
        cancelled = await changed(calls, id, Cancelled())
        assert cancelled.status is TaskStatus.CANCELLED
        for late in (STARTED, Succeeded(1, b"1"), AttemptFailed(1, ERROR, for_good=True), GivenUp("x"), Cancelled()):
            assert await unchanged(calls, id, late) == cancelled

    async def test_of_many_who_end_a_task_at_once_one_decides(self, calls: AsyncStore) -> None:
        id = (await calls.add(new())).id
        await changed(calls, id, STARTED)
        ends = [Succeeded(1, b"%d" % n) for n in range(8)]
        seen = await asyncio.gather(*(calls.change(id, 1, end) for end in ends), calls.change(id, 1, Cancelled()))
        last = await calls.get(id)
        assert last is not None
        assert last.status.final
        assert [one and one.record for one in seen] == [last] * 9
        assert sum(one.made for one in seen if one) == 1

    async def test_each_attempt_that_starts_has_a_number_of_its_own(self, calls: AsyncStore) -> None:
        id = (await calls.add(new())).id
        started = await asyncio.gather(*(calls.change(id, 1, STARTED) for _ in range(10)))
        assert sorted(change.record.attempt for change in started if change) == list(range(1, 11))

    async def test_a_record_with_a_key_is_confirmed_and_started_anew(self, calls: AsyncStore) -> None:
        id = (await calls.add(new(confirmed=False, arguments=b"1"))).id
        confirmed = await changed(calls, id, Confirmed())
        assert confirmed.confirmed is True
        anew = Restarted(f"{QUEUE}/tasks/{id}-2", b"2", {"again": "yes"})
        assert await unchanged(calls, id, anew) == confirmed  # it is not finished
        await changed(calls, id, STARTED)
        done = await changed(calls, id, Succeeded(1, b"1"))
        again = await changed(calls, id, anew)
        assert (again.run, again.status, again.attempt, again.confirmed) == (2, TaskStatus.QUEUED, 0, False)
        assert (again.task_name, again.arguments, again.labels) == (anew.task_name, anew.arguments, {"again": "yes"})
        assert (again.result, again.error, again.started_at, again.finished_at) == (None,) * 4
        assert again.version > done.version
        assert await calls.get(id) == again
        assert await unchanged(calls, id, Succeeded(1, b"late")) == again  # of the run before

    async def test_a_version_comes_once(self, calls: AsyncStore) -> None:
        id = token_hex(16)
        versions = [(await calls.add(new(id))).version]
        for event in (STARTED, Heard(1), Succeeded(1, None)):
            record = await changed(calls, id, event)
            versions.append(record.version)
        assert await calls.remove(id)
        versions.append((await calls.add(new(id))).version)
        assert versions == sorted(set(versions))

    async def test_workers_say_that_attempts_still_run(self, calls: AsyncStore) -> None:
        ids = [(await calls.add(new())).id for _ in range(3)]
        before = [await changed(calls, id, STARTED) for id in ids[:2]]
        # The last was never started, and of the second another attempt is the latest.
        await calls.hear([Attempt(ids[0], 1, 1), Attempt(ids[1], 1, 2), Attempt(ids[2], 1, 1)])
        first = await calls.get(ids[0])
        assert first is not None
        assert first.heard_at is not None
        assert before[0].heard_at is not None
        assert first.heard_at >= before[0].heard_at
        assert await calls.get(ids[1]) == before[1]
        await calls.hear([])

    async def test_workers_learn_what_is_cancelled(self, calls: AsyncStore) -> None:
        wanted, cancelled, done, anew = [(await calls.add(new())).id for _ in range(4)]
        for event in (Cancelled(), Restarted("anew", b"", {})):
            await changed(calls, anew, event)
        await changed(calls, cancelled, Cancelled())
        await changed(calls, done, STARTED)
        await changed(calls, done, Succeeded(1, b"1"))
        first = [Attempt(id, 1, 1) for id in (wanted, cancelled, done, anew, "c" * 32)]
        assert await calls.cancelled([*first, Attempt(anew, 2, 1)]) == {first[1], *first[3:]}
        assert await calls.cancelled([]) == set()

    async def test_a_record_is_removed(self, calls: AsyncStore) -> None:
        id = (await calls.add(new())).id
        assert await calls.remove(id) is True
        assert await calls.get(id) is None
        assert await calls.remove(id) is False

    async def test_records_are_found_newest_first_in_pages(self, calls: AsyncStore) -> None:
        endpoint = token_hex(4)
        ids = [(await calls.add(new(endpoint=endpoint))).id for _ in range(7)]
        await calls.add(new(endpoint=token_hex(4)))
        found: list[str] = []
        query = Query(endpoint=endpoint, limit=3)
        while True:
            page = await calls.find(query)
            found += [record.id for record in page.records]
            if page.next is None:
                break
            query = Query(endpoint=endpoint, limit=3, after=page.next)
        assert found == ids[::-1]

    async def test_records_are_found_by_status_and_labels(self, calls: AsyncStore) -> None:
        endpoint = token_hex(4)
        mine, yours = {"owner": "me", "kind": "a.b"}, {"owner": "you", "kind": "a.b"}
        first = (await calls.add(new(endpoint=endpoint, labels=mine))).id
        second = (await calls.add(new(endpoint=endpoint, labels=mine))).id
        third = (await calls.add(new(endpoint=endpoint, labels=yours))).id
        await changed(calls, first, Started(endpoint))
        await changed(calls, third, Started(endpoint))
        await changed(calls, third, Succeeded(1, b"1"))

        async def found(**query: Any) -> list[str]:
            return [record.id for record in (await calls.find(Query(endpoint=endpoint, **query))).records]

        assert await found(status=TaskStatus.RUNNING) == [first]
        assert await found(status=TaskStatus.WAITING) == []
        assert await found(labels={"owner": "me"}) == [second, first]
        assert await found(labels={"kind": "a.b"}) == [third, second, first]
        assert await found(labels=yours, status=TaskStatus.SUCCEEDED) == [third]
        assert await found(labels={"owner": "me", "kind": "x"}) == []
        assert await found(labels={"Owner": "me"}) == []

    async def test_a_page_begins_where_another_ended_or_not_at_all(self, calls: AsyncStore) -> None:
        for cursor in ("", "x", "-1", "1.5", "9" * 30, "١"):
            with pytest.raises(ValueError, match="is not where a page begins"):
                await calls.find(Query(after=cursor))

    async def test_what_is_found_comes_without_its_result(self, calls: AsyncStore) -> None:
        endpoint = token_hex(4)
        id = (await calls.add(new(endpoint=endpoint, labels={"a": "b"}))).id
        await changed(calls, id, Started(endpoint))
        await changed(calls, id, Succeeded(1, b"1"))
        (found,) = (await calls.find(Query(endpoint=endpoint))).records
        assert (found.id, found.status, found.labels, found.result) == (id, TaskStatus.SUCCEEDED, {"a": "b"}, None)

    async def test_a_wait_ends_when_the_record_changes(self, calls: AsyncStore) -> None:
        record = await calls.add(new())
        async with waiting(calls, record.id, record.version, many=3) as waits:
            assert not any(one.done() for one in waits)
            await changed(calls, record.id, STARTED)

    async def test_a_wait_ends_when_the_record_is_removed(self, calls: AsyncStore) -> None:
        record = await calls.add(new())
        async with waiting(calls, record.id, record.version):
            await calls.remove(record.id)

    async def test_a_wait_for_a_version_that_is_gone_ends_at_once(self, calls: AsyncStore) -> None:
        record = await calls.add(new())
        await changed(calls, record.id, STARTED)
        async with waiting(calls, record.id, record.version):
            pass

    async def test_a_wait_ends_when_its_time_is_over(self, calls: AsyncStore) -> None:
        record = await calls.add(new())
        await calls.wait(record.id, record.version, 0.05)
        assert await calls.get(record.id) == record

    async def test_a_wait_goes_on_while_another_record_changes(self, calls: AsyncStore) -> None:
        record, other = await calls.add(new()), await calls.add(new())
        async with waiting(calls, record.id, record.version) as waits:
            await changed(calls, other.id, STARTED)
            await calls.wait(record.id, record.version, 0.2)
            assert not waits[0].done()
            await changed(calls, record.id, STARTED)

    async def test_a_wait_sees_what_another_store_writes(
        self, calls: AsyncStore, make_results: MakeResults, how: str
    ) -> None:
        record = await calls.add(new())
        async with closing(calls_of(make_results(), how)) as other, waiting(calls, record.id, record.version):
            await changed(other, record.id, Cancelled())

    async def test_a_record_expires(self, make_results: MakeResults, how: str) -> None:
        async with closing(calls_of(make_results(expires_after=timedelta(seconds=1)), how)) as calls:
            endpoint = token_hex(4)
            record = await calls.add(new(endpoint=endpoint, arguments=b"1"))
            assert record.expires_at - record.created_at == timedelta(seconds=1)

            async def gone() -> bool:
                return await calls.get(record.id) is None

            await until(gone)
            assert await calls.change(record.id, 1, STARTED) is None
            assert await calls.cancelled([Attempt(record.id, 1, 1)]) == {Attempt(record.id, 1, 1)}
            assert (await calls.find(Query(endpoint=endpoint))).records == []
            assert await calls.remove(record.id) is False
            again = await calls.add(new(record.id, arguments=b"2"))
            assert again.arguments == b"2"
            assert again.version > record.version

    async def test_a_store_that_was_closed_is_opened_by_its_next_call(self, calls: AsyncStore) -> None:
        record = await calls.add(new())
        await calls.close()
        await calls.close()
        assert await calls.get(record.id) == record

    async def test_a_thousand_wait_for_one_task(self, make_results: MakeResults) -> None:
        async with closing(awaited(make_results())) as calls:
            record = await calls.add(new())
            async with waiting(calls, record.id, record.version, many=1000):
                await changed(calls, record.id, STARTED)

    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(EVENTS, ATTEMPTS), max_size=20))
    def test_the_rules_hold_in_any_order_of_events(
        self, make_results: MakeResults, events: list[tuple[Event, int]]
    ) -> None:
        store = make_results().blocking()
        record = store.add(new(confirmed=False, arguments=b"1", labels={"a": "b"}))
        for event, run in events:
            event, run = happens(event, record), record.run + run
            expected = after(record, event, run, record.created_at, timedelta(days=7))
            change = store.change(record.id, run, event)
            assert change is not None
            assert change.made is (expected is not record)
            assert without_times(change.record) == without_times(expected)
            assert (change.record.version > record.version) is change.made
            assert store.get(record.id) == change.record
            record = change.record
        store.close()
