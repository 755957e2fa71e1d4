"""What a task says of how far it has come."""

import asyncio
import logging
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, AsyncProgress, Progress, injected
from gcptasks.engine.task_records import ProgressInfo
from results.results_switch import SwitchedStore
from results.results_worker import SUCCEEDED, Worker
from server.server_apps import QUEUE, URL


async def test_progress_is_seen_while_the_task_runs_and_the_last_word_is_kept() -> None:
    worker = Worker()
    go_on = asyncio.Event()

    @worker.tasks.post("/video")
    async def video(progress: Annotated[AsyncProgress, Depends()] = injected) -> str:
        await progress(1, of=10, note="encoding\0")
        await go_on.wait()
        for done in range(2, 11):
            await progress(done, of=10)
        return "done"

    async with worker.running():
        id = await worker.submit(video)
        record = await worker.until(id, lambda record: record.progress is not None)
        assert record.progress == ProgressInfo(1, 10, "encoding\ufffd")
        assert record.heard_at is not None
        assert record.started_at is not None
        assert record.heard_at > record.started_at
        go_on.set()
        record = await worker.end(id)
        assert (record.status, record.progress) == (SUCCEEDED, ProgressInfo(10, 10))
        # Its start, one word that was seen, one at the end, its end, and maybe one between: not each of ten.
        assert record.version - first_version(record) <= 5


def first_version(record: Any) -> int:
    """The store begins to count at the microsecond of creation."""
    return int(record.created_at.timestamp()) * 1_000_000 + int(record.created_at.microsecond)


async def test_an_endpoint_that_blocks_has_progress_too() -> None:
    worker = Worker()

    @worker.tasks.post("/blocks")
    def blocks(progress: Annotated[Progress, Depends()] = injected) -> list[Any]:
        for done in range(100):
            progress(done / 2)
        progress(Fraction(99, 2), of=Decimal("49.5"))  # type: ignore[arg-type]  # it is no Real to checkers
        assert progress.task is not None
        return [progress.cancelled, *progress.task]

    async with worker.running():
        id = await worker.submit(blocks)
        record = await worker.end(id)
        assert record.progress == ProgressInfo(49.5, 49.5)
        assert record.result == f'[false,"{id}",1]'.encode()


async def test_an_attempt_that_fails_keeps_its_last_word_and_the_next_one_begins_anew() -> None:
    worker = Worker()
    seen: list[ProgressInfo | None] = []

    @worker.tasks.post("/fails")
    async def fails(progress: Annotated[AsyncProgress, Depends()] = injected) -> None:
        assert progress.task is not None
        id, attempt = progress.task
        seen.append(worker.now(id).progress)
        if attempt == 1:
            await progress(1)
            await progress(2)
            raise LookupError

    worker.app.include_router(worker.tasks)
    id = worker.record(fails)
    with pytest.raises(LookupError):
        await worker.attempt("/fails", id)
    assert worker.now(id).progress == ProgressInfo(2)
    assert (await worker.attempt("/fails", id, retry_count=1)).status == 200
    assert seen == [None, None]


async def test_outside_of_a_recorded_task_progress_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    seen: list[Any] = []

    async def recorded(progress: Annotated[AsyncProgress, Depends()] = injected) -> None:
        await progress(1, of=2, note="half")
        seen.append((progress.cancelled, progress.task))

    def plain(progress: Annotated[Progress, Depends()] = injected) -> None:
        progress(1, of=2, note="half")
        seen.append((progress.cancelled, progress.task))

    route = AsyncDelayedRouteBuilder(
        client=worker.local.async_tasks_client, base_url=URL, queue_path=QUEUE, verify=False
    )
    unrecorded = APIRouter(route_class=route)
    unrecorded.post("/plain")(plain)
    worker.tasks.post("/recorded")(recorded)
    worker.app.include_router(unrecorded)
    worker.app.include_router(worker.tasks)
    no_record = "f" * 32
    with caplog.at_level(logging.ERROR):
        for path in ("/plain", "/recorded"):
            assert (await worker.attempt(path, no_record)).status == 200
    await recorded(AsyncProgress())
    plain(Progress())
    assert seen == [(False, None)] * 4
    with pytest.raises(TypeError, match="progress is injected by FastAPI; pass it in a direct call"):
        plain()


FINITE = "progress must be a finite number that a float can be, not "


@pytest.mark.parametrize(
    ("done", "more", "error", "text"),
    [
        ("1", {}, TypeError, "done of progress must be a number, not '1'"),
        (True, {}, TypeError, "done of progress must be a number, not True"),
        (float("nan"), {}, ValueError, f"done of {FINITE}nan"),
        (1, {"of": float("inf")}, ValueError, f"of of {FINITE}inf"),
        (1, {"of": Decimal("sNaN")}, ValueError, f"of of {FINITE}Decimal('sNaN')"),
        pytest.param(10**400, {}, ValueError, f"done of {FINITE}1{'0' * 79}", id="too large"),
        (1, {"of": "2"}, TypeError, "of of progress must be a number, not '2'"),
        (1, {"note": 2}, TypeError, "note of progress must be a text, not 2"),
    ],
)
async def test_progress_is_numbers_and_a_text(done: Any, more: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as raised:
        Progress()(done, **more)
    assert str(raised.value) == text
    with pytest.raises(error):
        await AsyncProgress()(done, **more)


@pytest.mark.parametrize("recorded", [True, False])
def test_the_wrong_kind_is_refused_when_the_route_is_registered(recorded: bool) -> None:
    worker = Worker()
    route = AsyncDelayedRouteBuilder(client=worker.local.async_tasks_client, base_url=URL, queue_path=QUEUE)
    tasks = worker.tasks if recorded else APIRouter(route_class=route)

    async def awaits(progress: Annotated[Progress, Depends()] = injected) -> None: ...

    def blocks(progress: Annotated[AsyncProgress, Depends()] = injected) -> None: ...

    def deep(inner: Annotated[None, Depends(awaits)] = injected) -> None: ...

    with pytest.raises(TypeError, match=r"^awaits is an async def, so it takes an AsyncProgress, and awaits it$"):
        tasks.post("/1")(awaits)
    with pytest.raises(TypeError, match=r"^blocks is a def, so it takes a Progress, and does not await it$"):
        tasks.post("/2")(blocks)
    with pytest.raises(TypeError, match=r"^awaits is an async def"):
        tasks.post("/3")(deep)
    assert not hasattr(awaits, "delay")
    assert not tasks.routes


async def test_each_kind_serves_what_depends_on_it() -> None:
    """A dependency may have the other kind than the endpoint: what counts is which of both calls it."""
    worker = Worker()

    def loaded(progress: Annotated[Progress, Depends()] = injected) -> int:
        progress(1, note="loaded")
        return 1

    @worker.tasks.post("/mixed")
    async def mixed(
        number: Annotated[int, Depends(loaded)] = injected, progress: Annotated[AsyncProgress, Depends()] = injected
    ) -> int:
        return number

    async with worker.running():
        record = await worker.end(await worker.submit(mixed))
        assert (record.result, record.progress) == (b"1", ProgressInfo(1, note="loaded"))


async def test_progress_does_not_wait_for_a_store() -> None:
    """However often it is called: a store that is down costs an attempt a second, not each word of it."""
    worker = Worker()
    store = SwitchedStore(worker.store)
    words = 1000
    tasks = worker.router(store=store)

    @tasks.post("/talks")
    async def talks(progress: Annotated[AsyncProgress, Depends()] = injected) -> int:
        store.hangs = True
        for done in range(words):
            await progress(done)
        store.hangs = False
        return words

    app = FastAPI()
    app.include_router(tasks)
    worker.app = app
    id = worker.record(talks)
    assert (await worker.attempt("/talks", id)).status == 200
    assert (worker.now(id).status, worker.now(id).progress) == (SUCCEEDED, ProgressInfo(words - 1))


async def test_a_word_that_is_late_does_not_come_after_the_last_one() -> None:
    worker = Worker()
    store = SwitchedStore(worker.store)
    tasks = worker.router(store=store)

    @tasks.post("/talks")
    async def talks(progress: Annotated[AsyncProgress, Depends()] = injected) -> None:
        # If the second did not wait for the first, the first would come between it and the end.
        store.delays[:] = [0.06, 0.03, 0.06]
        told = asyncio.create_task(store.asked_for("change"))
        await asyncio.sleep(0)
        await progress(1)
        await told
        await progress(2)

    worker.app.include_router(tasks)
    id = worker.record(talks)
    assert (await worker.attempt("/talks", id)).status == 200
    assert (worker.now(id).status, worker.now(id).progress) == (SUCCEEDED, ProgressInfo(2))
