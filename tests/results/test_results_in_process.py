"""Recorded tasks whose worker is in the process that delivers them: as they are leased, so they are recorded."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, cast

import pytest
from fastapi import APIRouter, Depends, FastAPI, Response
from google.api_core.exceptions import NotFound
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudtask import CloudTaskClient
from cloudtask.fastapi import CloudTaskRouter
from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, AsyncProgress, LocalService, injected
from gcptasks.engine.task_records import TaskStatus
from gcptasks.results.errors import TaskCancelled
from gcptasks.results.store import DeliveringStore, ResultStore

QUEUE = "projects/p/locations/l/queues/q"
URL = "http://app.local"


class Own:
    """A store of the user's own, whose records are in the service."""

    remote = False

    def __init__(self, inside: ResultStore) -> None:
        self.settings = inside.settings
        self.blocking = inside.blocking
        self.awaiting = inside.awaiting


class Tasks:
    """An app with one recorded task."""

    def __init__(self, wrapped: Callable[[ResultStore], ResultStore] = lambda store: store) -> None:
        self.local = LocalService("memory:", app_url=URL)
        self.results = wrapped(self.local.results())
        tasks = self.router()

        @tasks.post("/double/{number}")
        async def double(number: int) -> int:
            return 2 * number

        self.double: Any = double
        self.app = FastAPI()
        self.app.include_router(tasks)

    def router(self) -> APIRouter:
        """A router whose tasks are recorded."""
        route = AsyncDelayedRouteBuilder(
            client=self.local.async_tasks_client, base_url=URL, queue_path=QUEUE, results=self.results
        )
        return APIRouter(route_class=route)

    async def gone(self, name: str) -> None:
        """Return once the queue has no such task any more; pytest's timeout ends what never comes."""
        client = self.local.async_tasks_client()
        while True:
            try:
                await client.get_task(name=name)
            except NotFound:
                return
            await asyncio.sleep(0.005)


def itself(store: ResultStore) -> ResultStore:
    return store


@pytest.mark.parametrize("wrapped", [itself, Own], ids=["the service's", "the user's"])
async def test_an_attempt_counts_once_whosever_store_it_is(wrapped: Callable[[ResultStore], ResultStore]) -> None:
    tasks = Tasks(wrapped)
    async with tasks.local.running(tasks.app):
        for number in range(3):
            handle = await tasks.double.submit(number=number)
            assert await handle.result(timeout=30) == 2 * number
            assert (await handle.info()).attempt == 1


async def test_attempts_at_functions_begin_with_their_lease_from_the_second_on() -> None:
    local = LocalService("memory:", app_url=URL)
    results = local.results()
    client = CloudTaskClient(
        project="p",
        location="l",
        url=f"{URL}/tasks/run",
        secret="known",
        client=local.tasks_client(),
        async_client=local.async_tasks_client,
        results=results,
    )

    @client.task(name="halve")
    async def halve(number: int, progress: Annotated[AsyncProgress, Depends()] = injected) -> float:
        await progress(1, of=1)
        return number / 2 if number else 1 // number

    app = FastAPI()
    app.include_router(CloudTaskRouter(client), prefix="/tasks")
    assert isinstance(results, DeliveringStore)
    async with local.running(app):
        for number in range(1, 4):
            assert ("halve" in results.recorded_here) is (number > 1)
            handle = await halve(number).submit()
            assert await handle.result(timeout=30) == number / 2
            info = await handle.info()
            assert (info.attempt, info.progress and info.progress.done) == (1, 1)
        failing = await halve(0).submit()
        async for info in failing.updates():
            if info.error is not None:
                assert (info.error.type, info.attempt) == ("ZeroDivisionError", 1)
                break


async def test_what_the_app_refuses_before_the_task_has_failed_until_an_attempt_succeeds() -> None:
    tasks = Tasks()
    refused: list[str] = []

    class Closed:
        """Refuses the first attempt."""

        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and not refused:
                refused.append(scope["path"])
                await Response("closed", 503)(scope, receive, send)
            else:
                await self.app(scope, receive, send)

    tasks.app.add_middleware(Closed)
    async with tasks.local.running(tasks.app):
        handle = await tasks.double.submit(number=4)
        states = [(info.status, info.attempt) async for info in handle.updates()]
        assert refused == ["/double/4"]
        assert (TaskStatus.WAITING, 1) in states
        assert states[-1] == (TaskStatus.SUCCEEDED, 2)
        assert await handle.result() == 8


async def test_an_attempt_without_a_whole_answer_has_failed() -> None:
    tasks = Tasks()
    router = tasks.router()
    silent: list[int] = []
    told = asyncio.Event()

    class Silent(Response):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Send nothing."""

    @router.post("/half/{number}")
    async def half(number: int) -> Any:
        if not silent:
            silent.append(number)
            return Silent()
        await told.wait()
        return number // 2

    tasks.app.include_router(router)
    async with tasks.local.running(tasks.app):
        handle = await cast("Any", half).submit(number=4)
        async for info in handle.updates():
            if info.error is not None:  # of the first attempt, though the second may run by now
                told.set()
        info = await handle.info()
        assert (info.status, info.attempt) == (TaskStatus.SUCCEEDED, 2)
        assert await handle.result() == 2


async def test_a_cancel_between_the_answer_and_its_acknowledgement_counts() -> None:
    tasks = Tasks()
    cancelled: list[bool] = []

    class Cancels:
        """Cancels the task when it has answered."""

        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def send_later(message: Message) -> None:
                if message["type"] == "http.response.start" and scope["path"] == "/double/4":
                    cancelled.append(await handle.cancel())
                await send(message)

            await self.app(scope, receive, send_later)

    tasks.app.add_middleware(Cancels)
    async with tasks.local.running(tasks.app):
        handle = await tasks.double.submit(number=4)
        await tasks.gone(handle.name)
        with pytest.raises(TaskCancelled):
            await handle.result(timeout=30)
        assert cancelled == [True]
        info = await handle.info()
        assert (info.status, info.attempt) == (TaskStatus.CANCELLED, 1)


async def test_a_cancel_at_any_moment_is_told_alike_to_all() -> None:
    tasks = Tasks()
    async with tasks.local.running(tasks.app):
        for turns in range(16):
            handle = await tasks.double.submit(number=turns)
            for _ in range(turns):
                await asyncio.sleep(0)
            cancelled = await handle.cancel()
            await tasks.gone(handle.name)
            assert await handle.cancel() is False
            assert (await handle.status() is TaskStatus.CANCELLED) is cancelled
            if not cancelled:
                assert await handle.result(timeout=30) == 2 * turns
