"""Tasks that a service delivers and their handles, with the records in databases of users'."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI

from fastapi_gcp_tasks import AsyncDelayedRouter, AsyncProgress, DelayedRouter, LocalService, injected
from gcptasks.engine.task_records import ProgressInfo, TaskStatus
from gcptasks.results.errors import TaskCancelled, TaskFailed
from gcptasks.results.store import ResultStore
from gcptasks.worker.retrying import DoNotRetry
from results.results_store_suite import MakeResults, until

QUEUE = "projects/p/locations/l/queues/q"
URL = "http://app.local"

pytestmark = pytest.mark.usefixtures("patience")


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
async def results(request: pytest.FixtureRequest) -> AsyncIterator[ResultStore]:
    make: MakeResults = request.getfixturevalue(f"{request.param}_results")
    results = make(tracebacks=True)
    yield results
    await results.awaiting().close()


class Tasks:
    """The app and its tasks: one that adds, one that fails, one that goes on until it is cancelled."""

    def __init__(self, router: APIRouter) -> None:
        self.cleaned_up = False

        @router.post("/double/{number}")
        async def double(number: int, progress: Annotated[AsyncProgress, Depends()] = injected) -> int:
            await progress(1, of=1, note="done")
            return 2 * number

        @router.post("/fail")
        async def fail() -> None:
            raise DoNotRetry("never")

        @router.post("/linger")
        async def linger() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                self.cleaned_up = True

        self.double: Any = double
        self.fail: Any = fail
        self.linger: Any = linger
        self.app = FastAPI()
        self.app.include_router(router)


async def test_handles_know_what_becomes_of_delivered_tasks(results: ResultStore) -> None:
    local = LocalService("memory:", app_url=URL)
    router = AsyncDelayedRouter(base_url=URL, queue_path=QUEUE, client=local.async_tasks_client, results=results)
    tasks = Tasks(router)
    async with local.running(tasks.app):
        doubling = await asyncio.gather(*(tasks.double.submit(number=number) for number in range(5)))
        assert await asyncio.gather(*(handle.result(timeout=30) for handle in doubling)) == [0, 2, 4, 6, 8]
        info = await doubling[0].info()
        assert (info.status, info.attempt) == (TaskStatus.SUCCEEDED, 1)
        assert info.progress is not None
        assert (info.progress.done, info.progress.of) == (1, 1)

        failing = await tasks.fail.submit()
        with pytest.raises(TaskFailed, match="never"):
            await failing.result(timeout=30)

        lingering = await tasks.linger.submit()
        await until(lambda: _runs(lingering))
        assert await lingering.cancel()
        with pytest.raises(TaskCancelled):
            await lingering.result(timeout=30)
        await until(lambda: tasks.cleaned_up)

        keyed = tasks.double.options(key="seven")
        first, again = await keyed.submit(number=7), await keyed.submit(number=7)
        assert first.id == again.id
        assert await first.result(timeout=30) == 14


async def _runs(handle: Any) -> bool:
    return await handle.status() is TaskStatus.RUNNING


async def test_handles_that_block_know_it_as_well(results: ResultStore) -> None:
    local = LocalService("memory:", app_url=URL)
    router = DelayedRouter(base_url=URL, queue_path=QUEUE, client=local.tasks_client(), results=results)
    tasks = Tasks(router)
    async with local.running(tasks.app):
        handle = await asyncio.to_thread(tasks.double.submit, number=4)
        assert await asyncio.to_thread(handle.result, 30) == 8
        assert await asyncio.to_thread(handle.progress) == ProgressInfo(1, of=1, note="done")
