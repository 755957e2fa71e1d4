"""Cancelling a task that runs, and races between that and its end."""

import asyncio
import threading
from typing import Annotated, Any

import anyio
import pytest
from fastapi import Depends, HTTPException, Request

from fastapi_gcp_tasks import injected
from fastapi_gcp_tasks.progress import AsyncProgress, Progress
from gcptasks.engine.task_records import Cancelled, Restarted, TaskStatus
from gcptasks.results.errors import TaskCancelled
from results.results_worker import CANCELLED, RUNNING, SUCCEEDED, WAITING, Worker

QUEUED = TaskStatus.QUEUED
LONG = 30.0
"""Seconds for which what is to be cancelled would run."""


async def cancel(worker: Worker, id: str) -> bool:
    await worker.until(id, lambda record: record.status is RUNNING)
    change = await worker.store.awaiting().change(id, 1, Cancelled())
    assert change is not None
    return change.made


async def test_a_running_endpoint_that_awaits_is_cancelled_and_cleans_up() -> None:
    worker = Worker()
    seen: list[Any] = []

    async def session() -> Any:
        try:
            yield "session"
        except asyncio.CancelledError:
            seen.append("rolled back")
            await asyncio.sleep(0.01)
            seen.append("session closed")
            raise

    @worker.tasks.post("/plain")
    async def plain(db: Annotated[str, Depends(session)] = injected) -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            await asyncio.sleep(0.01)
            seen.append("cleaned up")

    async with worker.running():
        id = await worker.submit(plain)
        assert await cancel(worker, id)
        assert not await cancel_again(worker, id)
        await worker.gone(id)
        record = worker.now(id)
        assert (record.status, record.attempt, record.result, record.error) == (CANCELLED, 1, None, None)
        assert seen == ["cleaned up", "rolled back", "session closed"]


async def cancel_again(worker: Worker, id: str) -> bool:
    change = await worker.store.awaiting().change(id, 1, Cancelled())
    return change is not None and change.made


@pytest.mark.parametrize("talks", [False, True])
async def test_an_attempt_is_cancelled_though_its_task_is_begun_anew_at_once(talks: bool) -> None:
    worker = Worker()

    @worker.tasks.post("/long")
    async def long(progress: Annotated[AsyncProgress, Depends()] = injected) -> str:
        for done in range(int(LONG / 0.1)):
            if talks:
                await progress(done)
            await asyncio.sleep(0.1)
        return "not cancelled"

    worker.app.include_router(worker.tasks)
    id = worker.record(long)
    attempt = asyncio.create_task(worker.attempt("/long", id))
    await worker.until(id, lambda record: record.status is RUNNING)
    for event in (Cancelled(), Restarted("another task", b"", {})):
        assert await worker.store.awaiting().change(id, 1, event)
    assert (await attempt) == (200, b'{"detail":"the task was cancelled"}')
    assert (worker.now(id).status, worker.now(id).run) == (QUEUED, 2)


async def in_task_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(LONG))
        group.create_task(asyncio.sleep(LONG))


async def in_anyio_group() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, LONG)


async def in_time() -> None:
    async with asyncio.timeout(LONG):
        await asyncio.sleep(LONG)


async def in_scope() -> None:
    with anyio.fail_after(LONG):
        await anyio.sleep(LONG)


async def turned_into_another_error() -> None:
    try:
        await asyncio.sleep(LONG)
    except asyncio.CancelledError:
        raise HTTPException(503, "stopping") from None


async def swallowed() -> None:
    try:
        await asyncio.sleep(LONG)
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)


async def swallowed_and_taken_back() -> None:
    try:
        await asyncio.sleep(LONG)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()


async def shielded() -> None:
    with anyio.CancelScope(shield=True):
        await anyio.sleep(LONG)


async def failed_while_cleaning_up() -> None:
    try:
        await asyncio.sleep(LONG)
    finally:
        raise RuntimeError("while cleaning up")


WAYS = [
    in_task_group,
    in_anyio_group,
    in_time,
    in_scope,
    turned_into_another_error,
    swallowed,
    swallowed_and_taken_back,
    shielded,
    failed_while_cleaning_up,
]


@pytest.mark.parametrize("wrapped", [False, True], ids=["", "in-middleware"])
async def test_however_an_endpoint_takes_its_cancellation_the_queue_is_done_with_it(wrapped: bool) -> None:
    worker = Worker()

    async def through(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    if wrapped:  # which runs the endpoint in a task of anyio's
        worker.app.middleware("http")(through)

    @worker.tasks.post("/way/{number}")
    async def way(number: int) -> str:
        await WAYS[number]()
        return "not cancelled at all"

    async with worker.running():
        ids = [await worker.submit(way, number=number) for number in range(len(WAYS))]
        for id in ids:  # all at once: a second for each would add up
            assert await cancel(worker, id)
        for id in ids:
            await worker.gone(id)
            record = worker.now(id)
            assert (record.status, record.attempt, record.result) == (CANCELLED, 1, None)


async def test_an_endpoint_that_blocks_is_told_and_stops_at_its_next_word() -> None:
    worker = Worker()
    seen: list[str] = []
    patience = threading.Event()

    @worker.tasks.post("/told")
    def told(progress: Annotated[Progress, Depends()] = injected) -> None:
        try:
            for done in range(int(LONG / 0.01)):
                progress(done)
                patience.wait(0.01)
        except TaskCancelled:
            seen.append("told")
            raise

    @worker.tasks.post("/asks")
    def asks(progress: Annotated[Progress, Depends()] = injected) -> str:
        while not progress.cancelled:
            patience.wait(0.01)
        seen.append("asked")
        return "late"

    async with worker.running():
        ids = [await worker.submit(told), await worker.submit(asks)]
        for id in ids:
            assert await cancel(worker, id)
        for id in ids:
            await worker.gone(id)
            assert (worker.now(id).status, worker.now(id).attempt, worker.now(id).result) == (CANCELLED, 1, None)
        assert sorted(seen) == ["asked", "told"]


async def test_a_cancelled_task_is_none_that_another_one_stopped_for() -> None:
    """`TaskCancelled` in an endpoint that nobody cancelled is an error like others."""
    worker = Worker()

    @worker.tasks.post("/asked")
    async def asked() -> None:
        raise TaskCancelled("the task that this one waits for was cancelled")

    worker.app.include_router(worker.tasks)
    id = worker.record(asked)
    with pytest.raises(TaskCancelled):
        await worker.attempt("/asked", id)
    assert worker.now(id).status is WAITING


async def test_a_request_that_is_cut_off_is_not_cancelled_by_a_user() -> None:
    worker = Worker()
    seen: list[str] = []
    runs = asyncio.Event()

    @worker.tasks.post("/cut")
    async def cut() -> str:
        if seen:
            return "done"
        runs.set()
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            seen.append("cut off")
            raise
        return "too long"

    worker.app.include_router(worker.tasks)
    id = worker.record(cut)
    request = asyncio.create_task(worker.attempt("/cut", id))
    await runs.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    record = await worker.until(id, lambda record: record.status is WAITING)
    assert record.error is not None
    assert record.error.type == "asyncio.exceptions.CancelledError"
    assert (await worker.attempt("/cut", id, retry_count=1)).status == 200
    assert (worker.now(id).status, worker.now(id).attempt) == (SUCCEEDED, 2)


async def test_what_an_endpoint_cancels_itself_is_its_own_failure() -> None:
    worker = Worker()

    @worker.tasks.post("/own")
    async def own() -> None:
        await asyncio.wait_for(asyncio.shield(cancelled_future()), 1)

    worker.app.include_router(worker.tasks)
    id = worker.record(own)
    with pytest.raises(asyncio.CancelledError):
        await worker.attempt("/own", id)
    assert worker.now(id).status is WAITING
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


def cancelled_future() -> "asyncio.Future[None]":
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    return future


@pytest.mark.parametrize("turns", range(12))
async def test_a_cancel_that_races_the_end_is_told_alike_to_all(turns: int) -> None:
    worker = Worker()

    @worker.tasks.post("/racing")
    async def racing(fails: bool) -> str:
        await asyncio.sleep(0)
        if fails:
            raise HTTPException(500)
        return "done"

    worker.app.include_router(worker.tasks)
    for fails in (False, True):
        id = worker.record(racing)
        attempt = asyncio.create_task(worker.attempt(f"/racing?fails={fails}", id))
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled = await cancel_again(worker, id)
        status = (await attempt).status
        record = worker.now(id)
        if cancelled:
            # It may come when the failure was told: then the next attempt is the one that is answered so.
            told = status if record.error is None else (await worker.attempt(f"/racing?fails={fails}", id)).status
            assert (record.status, told, record.result) == (CANCELLED, 200, None)
        elif fails:
            assert (record.status, status) == (WAITING, 500)
        else:
            assert (record.status, status, record.result) == (SUCCEEDED, 200, b'"done"')


async def test_a_cancel_in_the_last_moment_leaves_no_cancellation_behind() -> None:
    """The watch cancels an attempt that has just returned: nothing of it reaches who runs in that task afterwards."""
    worker = Worker()
    recordings: list[Any] = []

    @worker.tasks.post("/last")
    async def last(progress: Annotated[AsyncProgress, Depends()] = injected) -> str:
        recording = progress._recording
        assert recording is not None
        await worker.store.awaiting().change(recording.attempt.id, 1, Cancelled())
        recording.cancel()  # as the watch would; the endpoint awaits nothing any more
        recordings.append(recording)
        return "done"

    worker.app.include_router(worker.tasks)
    id = worker.record(last)
    assert (await worker.attempt("/last", id)).status == 200
    await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    assert (worker.now(id).status, worker.now(id).result) == (CANCELLED, None)
    assert recordings
