"""`auto_create_queue`: each queue once, at first use (api.md section 1)."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.api_core.exceptions import AlreadyExists, PermissionDenied, ServiceUnavailable
from google.cloud.tasks_v2 import CreateQueueRequest, Queue

from fastapi_gcp_tasks import as_async_delayed_task, as_delayed_task
from fastapi_gcp_tasks.protocols import AsyncDelayedTask, DelayedTask
from routes.routes_fakes import OTHER_QUEUE, QUEUE, FakeAsyncClient, FakeClient, async_delayed_router, delayed_router
from store.store_interrupts import Interrupt, TimedOut, interrupt_at

CREATED = CreateQueueRequest(parent="projects/p/locations/l", queue=Queue(name=QUEUE))


def make_task(client: FakeClient, **options: Any) -> DelayedTask[[], None]:
    @as_delayed_task
    @delayed_router(client, **options).post("/hello")
    def hello() -> None: ...

    return hello


def make_async_task(client: Any, *, create: bool = True) -> AsyncDelayedTask[[], None]:
    @as_async_delayed_task
    @async_delayed_router(client, auto_create_queue=create).post("/hello")
    def hello() -> None: ...

    return hello


async def test_a_queue_is_created_once_when_it_is_first_used() -> None:
    client, async_client = FakeClient(), FakeAsyncClient()
    task, async_task = make_task(client), make_async_task(async_client)
    assert client.queues == async_client.queues == []
    for _ in range(3):
        task.delay()
        await async_task.delay()
    assert client.queues == async_client.queues == [CREATED]
    assert len(client.requests) == len(async_client.requests) == 3


async def test_each_queue_that_is_used_is_created() -> None:
    client, async_client = FakeClient(), FakeAsyncClient()
    task, async_task = make_task(client), make_async_task(async_client)
    for _ in range(2):
        task.options(queue_path=OTHER_QUEUE).delay()
        await async_task.options(queue_path=OTHER_QUEUE).delay()
    task.delay()
    await async_task.delay()
    for one in (client, async_client):
        assert [request.queue.name for request in one.queues] == [OTHER_QUEUE, QUEUE]


async def test_no_queue_is_created_without_auto_create_queue() -> None:
    client, async_client = FakeClient(), FakeAsyncClient()
    make_task(client, auto_create_queue=False).delay()
    await make_async_task(async_client, create=False).delay()
    assert client.queues == async_client.queues == []
    assert len(client.requests) == len(async_client.requests) == 1


async def test_that_it_is_there_already_is_success() -> None:
    client, async_client = FakeClient(AlreadyExists("there")), FakeAsyncClient(AlreadyExists("there"))
    task, async_task = make_task(client), make_async_task(async_client)
    for _ in range(2):
        task.delay()
        await async_task.delay()
    assert len(client.queues) == len(async_client.queues) == 1
    assert len(client.requests) == len(async_client.requests) == 2


async def test_a_failure_is_raised_and_tried_again_by_the_next_call() -> None:
    down = ServiceUnavailable("down")
    client, async_client = FakeClient(down), FakeAsyncClient(down)
    task, async_task = make_task(client), make_async_task(async_client)
    with pytest.raises(ServiceUnavailable, match="down"):
        task.delay()
    with pytest.raises(ServiceUnavailable, match="down"):
        await async_task.delay()
    assert client.requests == async_client.requests == []
    for _ in range(2):
        task.delay()
        await async_task.delay()
    assert len(client.queues) == len(async_client.queues) == 2


async def test_who_may_not_create_queues_is_warned_once_and_may_create_tasks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, async_client = FakeClient(PermissionDenied("no role")), FakeAsyncClient(PermissionDenied("no role"))
    task, async_task = make_task(client), make_async_task(async_client)
    for _ in range(2):
        task.delay()
        await async_task.delay()
    assert len(client.queues) == len(async_client.queues) == 1
    assert len(client.requests) == len(async_client.requests) == 2
    assert [(one.levelno, QUEUE in one.getMessage(), "no role" in one.getMessage()) for one in caplog.records] == [
        (logging.WARNING, True, True)
    ] * 2


class SlowClient(FakeClient):
    """Its create_queue answers when the test lets it."""

    def __init__(self, *refusals: Exception) -> None:
        super().__init__(*refusals)
        self.asked = threading.Event()
        self.go = threading.Event()

    def create_queue(self, request: Any = None, **options: Any) -> Any:
        self.asked.set()
        self.go.wait(30)
        return super().create_queue(request, **options)


def test_threads_that_come_meanwhile_wait_for_the_one_creation() -> None:
    client = SlowClient()
    task = make_task(client)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(task.delay) for _ in range(8)]
        client.asked.wait(30)
        assert client.requests == []
        client.go.set()
        assert len({call.result().name for call in calls}) == 8
    assert client.queues == [CREATED]


def test_threads_that_wait_share_its_failure() -> None:
    client = SlowClient(*[ServiceUnavailable("down")] * 2)
    task = make_task(client)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(task.delay)
        client.asked.wait(30)
        second = pool.submit(task.delay)
        client.go.set()
        for call in (first, second):
            with pytest.raises(ServiceUnavailable, match="down"):
                call.result()
    assert client.requests == []


@pytest.mark.parametrize("kind", [Interrupt, TimedOut])
def test_an_interrupted_creation_is_made_by_one_who_waits_for_it(kind: type[BaseException]) -> None:
    """Wherever it was interrupted, as by Ctrl-C or a timeout: nobody waits for what does not come."""
    number, reached = 0, True
    while reached:
        number += 1
        client = SlowClient()
        task = make_task(client)
        with ThreadPoolExecutor(1) as pool:
            interrupted = pool.submit(interrupt_at, number, task.delay, "line", kind)
            while not client.asked.wait(0.001) and not interrupted.done():
                pass
            with ThreadPoolExecutor(1) as others:
                waiting = others.submit(task.delay)
                client.go.set()
                waiting.result(10)
            reached, _ = interrupted.result()
        task.delay()
        assert 1 <= len(client.queues) <= 2
    assert number > 10


def test_a_signal_handler_that_calls_while_its_thread_creates_the_queue_waits_for_nobody() -> None:
    class Interrupted(FakeClient):
        def create_queue(self, request: Any = None, **options: Any) -> Any:
            answer = super().create_queue(request, **options)
            if len(self.queues) == 1:
                task.delay()
            return answer

    client = Interrupted()
    task = make_task(client)
    task.delay()
    assert len(client.queues) == len(client.requests) == 2


async def test_calls_that_come_meanwhile_wait_for_the_one_creation() -> None:
    client = FakeAsyncClient()
    task = make_async_task(client)
    created = await asyncio.gather(*(task.delay() for _ in range(50)))
    assert len({one.name for one in created}) == 50
    assert client.queues == [CREATED]


async def test_calls_that_wait_share_its_failure() -> None:
    client = FakeAsyncClient(ServiceUnavailable("down"))
    task = make_async_task(client)
    failed = await asyncio.gather(*(task.delay() for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in failed] == [ServiceUnavailable] * 5
    assert len(client.queues) == 1
    await task.delay()
    assert len(client.queues) == 2


class AsyncSlowClient(FakeAsyncClient):
    """Its create_queue answers when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def create_queue(self, request: Any = None, **options: Any) -> Any:
        self.asked.set()
        await self.go.wait()
        return await super().create_queue(request, **options)


async def test_a_caller_that_is_cancelled_does_not_take_the_queue_from_the_others() -> None:
    client = AsyncSlowClient()
    task = make_async_task(client)
    first = asyncio.create_task(task.delay())
    await client.asked.wait()
    second = asyncio.create_task(task.delay())
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    client.go.set()
    await second
    assert client.queues == [CREATED]
    assert len(client.requests) == 1


def test_a_queue_that_one_loop_created_is_there_for_the_next() -> None:
    made: list[FakeAsyncClient] = []

    def factory() -> FakeAsyncClient:
        made.append(FakeAsyncClient())
        return made[-1]

    task = make_async_task(factory)
    asyncio.run(_awaited(task))
    asyncio.run(_awaited(task))
    assert [len(one.queues) for one in made] == [1, 0]


async def _awaited(task: AsyncDelayedTask[[], None]) -> None:
    await task.delay()
