"""Submitted, run and asked for over the port: an app beside the service, and nobody between them."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from fastapi import FastAPI
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue, RetryConfig

from fastapi_gcp_tasks import AsyncDelayedRouter
from fastapi_gcp_tasks.results import ServiceResults, TaskFailed, TaskStatus
from gcptasks.client.api import TASKS
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from targets.targets_workers import serving

LOCATION = "projects/p/locations/l"
ONCE, AGAIN = f"{LOCATION}/queues/once", f"{LOCATION}/queues/again"

pytestmark = pytest.mark.usefixtures("patience")


@pytest.fixture
async def results(client: CloudTasksAsyncClient) -> AsyncGenerator[ServiceResults]:
    results = ServiceResults()
    yield results
    await results.awaiting().close()


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[CloudTasksAsyncClient]:
    """Of a service with two queues: one gives a task up after one attempt, the other tries it again at once."""
    async with emulating(PortSettings(port=0, database=str(tmp_path / "tasks.db"), grace=0)) as emulator:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", emulator.address)
        async with TASKS.make_async_client(emulator.address) as client:
            for name, attempts in ((ONCE, 1), (AGAIN, 5)):
                retry = RetryConfig(max_attempts=attempts, min_backoff={"nanos": 1_000_000}, max_backoff={"seconds": 1})
                await client.create_queue(parent=LOCATION, queue=Queue(name=name, retry_config=retry))
            yield client


async def test_a_task_is_tried_again_and_its_result_comes(
    client: CloudTasksAsyncClient, results: ServiceResults
) -> None:
    app = FastAPI()
    attempts = 0
    async with serving(app) as url:
        tasks = AsyncDelayedRouter(base_url=url, queue_path=AGAIN, client=client, results=results)

        @tasks.post("/double/{n}")
        async def double(n: int) -> dict[str, int]:
            nonlocal attempts
            attempts += 1
            if attempts == 1:
                raise ValueError("not yet")
            return {"doubled": 2 * n}

        app.include_router(tasks)
        handle = await double.submit(n=21)
        assert await handle.result(timeout=30) == {"doubled": 42}
        info = await handle.info()
        assert (info.status, info.attempt, info.error) == (TaskStatus.SUCCEEDED, 2, None)


async def test_a_task_that_no_worker_ever_ran_is_failed(client: CloudTasksAsyncClient, results: ServiceResults) -> None:
    async with serving(FastAPI()) as url:
        nobody = url
    tasks = AsyncDelayedRouter(base_url=nobody, queue_path=ONCE, client=client, results=results)

    @tasks.post("/double/{n}")
    async def double(n: int) -> int:
        return 2 * n

    handle = await double.submit(n=21)
    with pytest.raises(TaskFailed) as raised:
        await handle.result(timeout=30)
    assert raised.value.attempts == 0
    assert "127.0.0.1" in raised.value.message


async def test_a_worker_that_records_nothing_ends_the_record_by_its_answer(
    client: CloudTasksAsyncClient, results: ServiceResults
) -> None:
    app = FastAPI()

    @app.post("/double/{n}")
    async def unrecorded(n: int) -> int:
        return 2 * n

    async with serving(app) as url:
        tasks = AsyncDelayedRouter(base_url=url, queue_path=AGAIN, client=client, results=results)

        @tasks.post("/double/{n}")
        async def double(n: int) -> None: ...

        handle = await double.submit(n=21)
        await handle.result(timeout=30)
        assert await handle.status() is TaskStatus.SUCCEEDED
