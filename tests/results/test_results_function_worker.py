"""What a worker of functions records of an attempt, under FastAPI and elsewhere."""

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel

from cloudtask import CloudTaskClient, DoNotRetry
from cloudtask.fastapi import CloudTaskRouter
from fastapi_gcp_tasks import AsyncProgress, LocalService, Progress, injected
from gcptasks.client.handles import AsyncTaskHandle
from gcptasks.engine.task_records import RECORD_HEADER, Cancelled, ProgressInfo, TaskRecord, TaskStatus
from gcptasks.results.errors import TaskCancelled, TaskFailed
from gcptasks.results.task_info import TaskInfo
from results.results_switch import SwitchedStore
from server.server_apps import URL, serving

LONG = 30.0


class Square(BaseModel):
    number: int
    square: int


class Shop:
    """A client, its service and its app."""

    def __init__(self, **options: Any) -> None:
        self.local = LocalService("memory:", app_url=URL)
        self.store = SwitchedStore(self.local.results(**options))
        self.client = CloudTaskClient(
            project="p",
            location="l",
            url=f"{URL}/tasks/run",
            secret="known",
            client=self.local.tasks_client(),
            async_client=self.local.async_tasks_client,
            results=self.store,
        )
        self.app = FastAPI()

    def serving(self) -> Any:
        self.app.include_router(CloudTaskRouter(self.client), prefix="/tasks")
        self.local.install(self.app)
        return serving(self.app)

    async def carried(self, handle: AsyncTaskHandle[Any]) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of its task, as a worker gets them."""
        info = await handle.info()
        assert info.status is TaskStatus.QUEUED
        task = self.local.tasks_client().get_task(request={"name": handle.name, "response_view": 2})
        headers = {**task.http_request.headers, "X-CloudTasks-TaskRetryCount": "0"}
        assert any(name.lower() == RECORD_HEADER.lower() for name in headers)
        return task.http_request.body, headers

    def now(self, id: str) -> TaskRecord:
        record = self.local.results().blocking().get(id)
        assert record is not None
        return record


async def test_what_a_function_returns_is_its_result() -> None:
    shop = Shop()

    @shop.client.task(name="square")
    async def square(number: int) -> Square:
        return Square(number=number, square=number * number)

    @shop.client.task(name="blocking")
    def blocking(text: str) -> list[bytes]:
        return [text.encode()]

    @shop.client.task(name="silent")
    def silent(text: str): ...  # type: ignore[no-untyped-def]  # what it returns is not said

    async with shop.serving():
        assert await (await square(3).submit()) == Square(number=3, square=9)
        assert await (await blocking("ä").submit()) == ["ä".encode()]
        assert await (await silent("").submit()) is None


async def test_a_function_that_fails_for_good_is_told_so() -> None:
    shop = Shop(max_bytes=10)

    @shop.client.task(name="never")
    async def never() -> None:
        raise DoNotRetry("no such user")

    @shop.client.task(name="large")
    async def large() -> str:
        return "x" * 9

    @shop.client.task(name="no_json")
    async def no_json() -> object:
        return object()

    async with shop.serving():
        for function, type in (
            (never, "fastapi_gcp_tasks.DoNotRetry"),
            (large, "fastapi_gcp_tasks.results.ResultTooLarge"),
            (no_json, "pydantic_core._pydantic_core.PydanticSerializationError"),
        ):
            handle: Any = await function().submit()
            info = [info async for info in handle.updates()][-1]
            assert (info.status, info.error.type, info.attempt) == (TaskStatus.FAILED, type, 1)


async def first(handle: AsyncTaskHandle[Any], condition: Callable[[TaskInfo], bool]) -> TaskInfo:
    """What is told of the task when that is so."""
    async for info in handle.updates():
        if condition(info):
            return info
    raise AssertionError("the task has ended")


async def test_functions_have_progress_and_are_cancelled() -> None:
    shop = Shop()
    seen: list[str] = []
    patience = threading.Event()

    @shop.client.task(name="awaits")
    async def awaits(progress: Annotated[AsyncProgress, Depends()] = injected) -> None:
        await progress(1, of=2)
        try:
            await asyncio.sleep(LONG)
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned up")

    @shop.client.task(name="blocks")
    def blocks(progress: Annotated[Progress, Depends()] = injected) -> None:
        for done in range(int(LONG / 0.01)):
            progress(done)
            patience.wait(0.01)

    @shop.client.task(name="plain")
    async def plain() -> None:
        await asyncio.sleep(LONG)

    async with shop.serving():
        handles: list[Any] = [await one().submit() for one in (awaits, blocks, plain)]
        await first(handles[0], lambda info: info.progress == ProgressInfo(1, 2))
        for handle in handles:
            await first(handle, lambda info: info.status is TaskStatus.RUNNING)
            assert await handle.cancel()
            with pytest.raises(TaskCancelled):
                await handle.result()
        while not seen:
            await asyncio.sleep(0.005)
    assert [shop.now(handle.id).attempt for handle in handles] == [1, 1, 1]


def test_the_wrong_kind_of_progress_is_refused() -> None:
    shop = Shop()

    @shop.client.task(name="awaits")
    async def awaits(progress: Annotated[Progress, Depends()] = injected) -> None: ...

    with pytest.raises(TypeError, match="awaits is an async def, so it takes an AsyncProgress"):
        CloudTaskRouter(shop.client)


@pytest.mark.parametrize("blocks", [False, True], ids=["execute", "sync_execute"])
async def test_other_frameworks_record_too(blocks: bool) -> None:
    shop = Shop(tracebacks=True)

    async def execute(handle: AsyncTaskHandle[Any], retry_count: int = 0) -> int:
        headers = {**carried[1], "x-cloudtasks-taskretrycount": str(retry_count)}
        pairs = iter(list(headers.items()))  # as a framework may give them
        if blocks:
            return (await asyncio.to_thread(shop.client.sync_execute, carried[0], pairs)).status
        return (await shop.client.execute(carried[0], pairs)).status

    @shop.client.task(name="flaky")
    async def flaky(name: str) -> str:
        if shop.now(handle.id).attempt == 1:
            raise LookupError(name)
        return name

    @shop.client.task(name="plain")
    def plain(name: str) -> str:
        return name

    handle = await flaky("ada").submit()
    carried = await shop.carried(handle)
    assert await execute(handle) == 500
    record = shop.now(handle.id)
    assert record.status is TaskStatus.WAITING
    assert record.error is not None
    assert (record.error.type, record.error.message) == ("LookupError", "ada")
    assert "raise LookupError(name)" in (record.error.traceback or "")
    assert await execute(handle, 1) == 200
    assert await handle.result() == "ada"
    assert await execute(handle, 2) == 200
    assert shop.now(handle.id).attempt == 2

    handle = await plain("bob").submit()
    carried = await shop.carried(handle)
    shop.store.refuses = True
    assert await execute(handle) == 200
    shop.store.refuses = False
    assert shop.now(handle.id).status is TaskStatus.QUEUED

    handle = await plain("eve").submit()
    carried = await shop.carried(handle)
    await shop.local.results().awaiting().change(handle.id, 1, Cancelled())
    assert await execute(handle) == 200
    assert shop.now(handle.id).attempt == 0


async def test_a_caller_without_the_secret_records_nothing() -> None:
    shop = Shop()

    @shop.client.task(name="work")
    async def work() -> None: ...

    handle = await work().submit()
    body, headers = await shop.carried(handle)
    for name in list(headers):
        if "secret" in name.lower():
            del headers[name]
    assert (await shop.client.execute(body, headers)).status == 403
    assert shop.now(handle.id).attempt == 0


async def test_the_last_attempt_is_told_by_the_queue_of_the_function() -> None:
    shop = Shop()  # whose queue is as the service makes it: 100 attempts

    @shop.client.task(name="fails")
    async def fails() -> None:
        raise LookupError

    handle = await fails().submit()
    body, headers = await shop.carried(handle)
    for count, status in ((98, TaskStatus.WAITING), (99, TaskStatus.FAILED)):
        headers["X-CloudTasks-TaskRetryCount"] = str(count)
        assert (await shop.client.execute(body, headers)).status == 500
        assert shop.now(handle.id).status is status
    with pytest.raises(TaskFailed):
        await handle.result()
