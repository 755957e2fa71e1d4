"""A task that says itself whether it is tried again, on the worker and through the local service."""

import logging
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from google.cloud.tasks_v2 import Task

from fastapi_gcp_tasks import CloudTasksHeaders, DoNotRetry, LocalService, RetryLater, as_delayed_task, injected
from routes.routes_fakes import QUEUE, FakeClient, async_delayed_router, delayed_router, exchange
from server.server_apps import Done, serving, task_router

SYNC, ASYNC = delayed_router(FakeClient()), async_delayed_router()
ROUTERS = pytest.mark.parametrize("router", [SYNC, ASYNC], ids=["sync", "async"])


def app_with(router: APIRouter, endpoint: Callable[..., Any]) -> FastAPI:
    """An app whose one task is that endpoint."""
    app = FastAPI()
    fresh = APIRouter(route_class=router.route_class)
    fresh.post("/task")(endpoint)
    app.include_router(fresh)
    return app


@ROUTERS
async def test_retry_later_is_503_with_the_seconds_to_wait(router: APIRouter) -> None:
    async def task() -> None:
        raise RetryLater(after=timedelta(seconds=89.5))

    status, headers, _ = await exchange(app_with(router, task), "POST", "/task")
    assert (status, headers["retry-after"]) == (503, "90")


@ROUTERS
async def test_do_not_retry_is_200_and_the_reason_is_in_the_log(
    router: APIRouter, caplog: pytest.LogCaptureFixture
) -> None:
    def task() -> None:
        raise DoNotRetry("the order\nwas cancelled")

    status, _, body = await exchange(app_with(router, task), "POST", "/task")
    assert status == 200
    assert b"cancelled" not in body
    assert [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING] == [
        r"/task is not tried again: the order\nwas cancelled"
    ]


async def test_a_dependency_may_say_so_too_and_one_with_yield_sees_that_the_task_failed() -> None:
    seen: list[str] = []

    def session() -> Generator[str]:
        try:
            yield "session"
        except Exception:
            seen.append("rolled back")
            raise

    def busy(session: Annotated[str, Depends(session)]) -> None:
        raise RetryLater(after=5)

    async def task(checked: Annotated[None, Depends(busy)] = injected) -> None: ...

    status, headers, _ = await exchange(app_with(delayed_router(FakeClient()), task), "POST", "/task")
    assert (status, headers["retry-after"], seen) == (503, "5", ["rolled back"])


async def test_the_local_service_waits_as_long_as_was_asked_for_and_leaves_the_queue_alone() -> None:
    local, app, done = LocalService("memory:", app_url="http://app.local"), FastAPI(), Done()
    tasks = task_router(local)

    @as_delayed_task
    @tasks.post("/later")
    async def later(headers: Annotated[CloudTasksHeaders, Depends()] = injected) -> None:
        done.append(headers.retry_count)
        if headers.retry_count == 0:
            raise RetryLater(after=3600)

    @as_delayed_task
    @tasks.post("/never")
    async def never() -> None:
        done.append("never")
        raise DoNotRetry("it is of no use")

    app.include_router(tasks)
    local.install(app)
    waiting = later.delay()
    async with serving(app):
        await done.reach(1)
        never.delay()
        await done.reach(2)
        client = local.tasks_client()
        await done.until(lambda: [one.name for one in client.list_tasks(parent=QUEUE)] == [waiting.name])
        (again,) = client.list_tasks(parent=QUEUE)
    raw = Task.pb(again)
    assert raw.schedule_time.ToDatetime() - raw.last_attempt.response_time.ToDatetime() >= timedelta(hours=1)
    assert again.dispatch_count == 1
    assert done == [0, "never"]
