"""Records of tasks under the kit: in the store of the test, by its clock."""

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from google.cloud.tasks_v2 import Queue, RetryConfig

from cloudtask import CloudTaskClient
from cloudtask.fastapi import CloudTaskRouter
from fastapi_gcp_tasks import AsyncDelayedRouter, DelayedRouter, LocalService, TaskStatus
from fastapi_gcp_tasks.results import TaskFailed, TaskNotFound
from fastapi_gcp_tasks.testing import AsyncTestTasks, TestTasks
from testing.testing_shop import LOCATION

QUEUE = f"{LOCATION}/queues/q"
URL = "http://app.local"


def test_a_handle_has_the_result_once_the_test_ran_its_task(tmp_path: Path) -> None:
    local = LocalService(f"sqlite:///{tmp_path}/tasks.db", app_url=URL)
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=local.tasks_client(), results=local.results())

    @router.post("/double")
    def double(number: int) -> int:
        if number < 0:
            raise ValueError("too small")
        return 2 * number

    app = FastAPI()
    app.include_router(router)
    with TestTasks(app) as tasks:
        handle = double.submit(number=21)
        assert handle.status() is TaskStatus.QUEUED
        assert tasks.run(handle).succeeded
        assert handle.result(timeout=0) == 42
        failing = double.options(key="one").submit(number=-1)
        tasks.drain()
        assert failing.status() is TaskStatus.WAITING
        client = tasks.tasks_client()
        queue = client.get_queue(name=QUEUE)
        queue.retry_config.max_attempts = 2
        client.update_queue(queue=queue)
        tasks.advance(minutes=1)
        with pytest.raises(TaskFailed, match="too small"):
            failing.result(timeout=0)
        cancelled = double.submit(number=1)
        assert cancelled.cancel()
        assert tasks.drain() == []
        tasks.advance(days=8)
        with pytest.raises(TaskNotFound):
            handle.status()
    assert not (tmp_path / "tasks.db").exists()


def test_a_task_with_a_record_that_comes_twice_runs_once() -> None:
    local = LocalService("memory:", app_url=URL)
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=local.tasks_client(), results=local.results())
    done: list[int] = []

    @router.post("/count")
    def count(number: int) -> None:
        done.append(number)

    app = FastAPI()
    app.include_router(router)
    with TestTasks(app) as tasks:
        tasks.next_attempt(count).comes_twice()
        count.delay(number=1)
        [run] = tasks.drain(raise_errors=True)
        assert run.succeeded
        assert run.error is None
    assert done == [1]


async def test_handles_of_coroutines_and_of_functions() -> None:
    local = LocalService("memory:", app_url=URL)
    router = AsyncDelayedRouter(queue_path=QUEUE, base_url=URL, client=local.async_tasks_client, results=local.results)

    @router.post("/double")
    async def double(number: int) -> int:
        return 2 * number

    functions = CloudTaskClient(project="p", location="l", url=f"{URL}/tasks/run", secret="s", results=local.results)

    @functions.task(name="half")
    async def half(number: int) -> int:
        return number // 2

    app = FastAPI()
    app.include_router(router)
    app.include_router(CloudTaskRouter(functions), prefix="/tasks")
    async with AsyncTestTasks(app) as tasks:
        doubled, halved = await double.submit(number=21), await half(21).submit()
        runs = await tasks.drain(raise_errors=True)
        assert [run.endpoint for run in runs] == ["double", "half"]
        assert (await doubled, await halved) == (42, 10)
        info = await doubled.info()
        assert info.created_at == tasks.now
        await tasks.advance(minutes=1)
        assert tasks.now - info.created_at == timedelta(minutes=1)
    with pytest.raises(TaskNotFound):
        await doubled.status()


def test_what_one_test_knows_of_a_queue_another_does_not() -> None:
    local = LocalService("memory:", app_url=URL)
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=local.tasks_client(), results=local.results())

    @router.post("/fail")
    def fail() -> int:
        raise ValueError("always")

    app = FastAPI()
    app.include_router(router)
    for attempts, status in ((1, TaskStatus.FAILED), (2, TaskStatus.WAITING)):
        with TestTasks(app) as tasks:
            queue = Queue(name=QUEUE, retry_config=RetryConfig(max_attempts=attempts))
            tasks.tasks_client().create_queue(parent=LOCATION, queue=queue)
            handle = fail.submit()
            tasks.drain()
            assert handle.status() is status
