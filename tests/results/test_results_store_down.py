"""A store that is down keeps no task from running: then the answer to the queue alone counts."""

import asyncio
from typing import Any

import pytest

from gcptasks.engine.task_records import BEAT_EVERY, FRESH_FOR, Cancelled, TaskStatus
from gcptasks.results.store import ResultStore
from results.results_switch import SwitchedStore
from results.results_worker import CANCELLED, RUNNING, SUCCEEDED, Worker

QUEUED = TaskStatus.QUEUED


def worker_with(runs: Any) -> tuple[Worker, SwitchedStore, Any]:
    worker = Worker()
    store = SwitchedStore(worker.store)
    tasks = worker.router(store=store)

    @tasks.post("/work")
    async def work() -> str:
        await runs(store)
        return "done"

    worker.app.include_router(tasks)
    return worker, store, work


async def nothing(store: SwitchedStore) -> None: ...


async def test_down_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    worker, store, work = worker_with(nothing)
    id = worker.record(work)
    store.refuses = True
    for _ in range(2):
        assert await worker.attempt("/work", id) == (200, b'"done"')
    assert (worker.now(id).status, store.calls) == (QUEUED, ["change", "change"])
    assert len(caplog.messages) == 1
    store.refuses = False
    assert (await worker.attempt("/work", id)).status == 200
    assert worker.now(id).status is SUCCEEDED
    assert len(caplog.messages) == 2
    assert caplog.messages[1].endswith("answers again: tasks are recorded")


async def test_down_at_the_end() -> None:
    async def goes_down(store: SwitchedStore) -> None:
        store.refuses = True

    worker, store, work = worker_with(goes_down)
    id = worker.record(work)
    assert await worker.attempt("/work", id) == (200, b'"done"')
    assert worker.now(id).status is RUNNING
    store.refuses = False


@pytest.mark.parametrize("at_the_end", [False, True])
async def test_hanging(at_the_end: bool) -> None:
    async def hangs(store: SwitchedStore) -> None:
        store.hangs = at_the_end

    worker, store, work = worker_with(hangs)
    id = worker.record(work)
    store.hangs = not at_the_end
    assert await worker.attempt("/work", id) == (200, b'"done"')
    assert worker.now(id).status is (RUNNING if at_the_end else QUEUED)
    assert len(store.calls) == (2 if at_the_end else 1)
    store.hangs = False
    if not at_the_end:  # what was begun late is ended later
        assert (await worker.end(id)).status is SUCCEEDED


async def test_slow_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """As at its first connection: the endpoint runs meanwhile, and is recorded all the same."""

    async def answers_again(store: SwitchedStore) -> None:
        store.hangs = False
        await worker.until(id, lambda record: record.status is RUNNING)

    worker, store, work = worker_with(answers_again)
    id = worker.record(work)
    store.hangs = True
    assert await worker.attempt("/work", id) == (200, b'"done"')
    await worker.until(id, lambda record: record.status.final)
    record = worker.now(id)
    assert (record.status, record.attempt, record.result) == (SUCCEEDED, 1, b'"done"')
    assert len(caplog.messages) == 2


async def test_a_factory_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    made: list[ResultStore] = []

    def make() -> ResultStore:
        if not made:
            made.append(worker.store)
            raise ImportError("no driver")
        return made[0]

    worker = Worker()
    tasks = worker.router(factory=make)

    @tasks.post("/work")
    async def work() -> str:
        return "done"

    worker.app.include_router(tasks)
    id = worker.record(work)
    assert await worker.attempt("/work", id) == (200, b'"done"')
    assert worker.now(id).status is QUEUED
    assert "no driver" in caplog.text
    assert (await worker.attempt("/work", id)).status == 200
    assert worker.now(id).status is SUCCEEDED


async def test_a_store_that_lost_a_record_cancels_nothing() -> None:
    """As Redis may, when its memory ends: what was accepted is done all the same."""

    async def loses(store: SwitchedStore) -> None:
        await store.awaiting().remove(ids[0])
        await asyncio.wait_for(store.asked_for("get"), 10)
        await asyncio.wait_for(store.asked_for("cancelled"), 10)

    ids: list[str] = []
    worker, store, work = worker_with(loses)
    ids.append(worker.record(work))
    assert await worker.attempt("/work", ids[0]) == (200, b'"done"')
    assert "cancelled" in store.calls


async def test_attempts_that_run_are_spoken_for_together() -> None:
    """One read and one write for all; those that are over soon are in none."""
    all_run = asyncio.Event()

    async def waits(store: SwitchedStore) -> None:
        if not all_run.is_set():
            await asyncio.wait_for(store.asked_for("hear"), 20)

    worker, store, work = worker_with(waits)
    ids = [worker.record(work) for _ in range(10)]
    attempts = [asyncio.create_task(worker.attempt("/work", id)) for id in ids]
    assert {(await attempt).status for attempt in attempts} == {200}
    assert store.calls.count("cancelled") == 1
    assert store.calls.count("hear") == 1
    all_run.set()
    before = len(store.calls)
    assert (await worker.attempt("/work", worker.record(work))).status == 200
    assert store.calls[before:] == ["change", "change"]
    assert 3 * BEAT_EVERY < FRESH_FOR


async def test_what_goes_on_after_an_attempt_is_not_cancelled_though_the_store_says_late_that_the_task_is() -> None:
    async def runs_until_it_is_asked_for(store: SwitchedStore) -> None:
        await worker.store.awaiting().change(id, 1, Cancelled())
        store.holds["get"] = asyncio.Event()
        await asyncio.wait_for(store.asked_for("get"), 20)

    async def serves() -> str:
        assert (await worker.attempt("/work", id)).status == 200
        store.holds["get"].set()
        await asyncio.wait_for(store.asked_for("hear"), 20)  # the watch has its answer
        return "went on"

    worker, store, work = worker_with(runs_until_it_is_asked_for)
    id = worker.record(work)
    assert await asyncio.create_task(serves()) == "went on"
    assert worker.now(id).status is CANCELLED


async def test_an_endpoint_that_cleans_up_for_long_is_cancelled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gcptasks.worker.watch.LOOK_EVERY", 0.05)
    cleaned_up = asyncio.Event()
    runs: list[str] = []

    async def cleans_up(store: SwitchedStore) -> None:
        runs.append("runs")
        if len(runs) == 2:  # while this one runs, the watch goes on to look
            await cleaned_up.wait()
            return
        try:
            await asyncio.sleep(30)
        finally:
            for _ in range(3):
                await asyncio.wait_for(store.asked_for("cancelled"), 20)
            cleaned_up.set()

    worker, _, work = worker_with(cleans_up)
    id, other = worker.record(work), worker.record(work)
    attempt = asyncio.create_task(worker.attempt("/work", id))
    await worker.until(id, lambda record: record.status is RUNNING)
    another = asyncio.create_task(worker.attempt("/work", other))
    await worker.until(other, lambda record: record.status is RUNNING)
    await worker.store.awaiting().change(id, 1, Cancelled())
    assert (await attempt).status == 200
    assert cleaned_up.is_set()
    assert (await another).status == 200


async def test_a_cancel_is_heard_after_an_outage() -> None:
    async def sleeps(store: SwitchedStore) -> None:
        await asyncio.sleep(30)

    worker, store, work = worker_with(sleeps)
    id = worker.record(work)
    attempt = asyncio.create_task(worker.attempt("/work", id))
    await worker.until(id, lambda record: record.status is RUNNING)
    await worker.store.awaiting().change(id, 1, Cancelled())
    store.refuses = True
    await asyncio.wait_for(store.asked_for("cancelled"), 10)
    store.refuses = False
    assert (await attempt).status == 200
    assert worker.now(id).status is CANCELLED
