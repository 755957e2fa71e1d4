"""A worker tells by the retry settings whether an attempt that failed was the last."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, HTTPException
from google.api_core.exceptions import PermissionDenied
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CreateQueueRequest, CreateTaskRequest, Queue, RetryConfig
from google.protobuf.duration_pb2 import Duration

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder
from gcptasks.client.last_attempts import LastAttempts
from gcptasks.engine.task_records import TaskStatus
from results.results_worker import FAILED, WAITING, Worker
from server.server_apps import QUEUE, URL

NAME = f"{QUEUE}/tasks/t"


def create_queue(worker: Worker, **retries: Any) -> None:
    queue = Queue(name=QUEUE, retry_config=RetryConfig(**retries))
    parent = QUEUE.rpartition("/queues/")[0]
    worker.local.tasks_client().create_queue(request=CreateQueueRequest(parent=parent, queue=queue))


def failing(worker: Worker, tasks: APIRouter) -> Any:
    @tasks.post("/fails")
    async def fails() -> None:
        raise HTTPException(500)

    worker.app.include_router(tasks)
    return fails


@pytest.mark.parametrize("blocks", [False, True])
async def test_the_attempts_of_a_queue_are_counted_by_its_own_header(blocks: bool) -> None:
    worker = Worker()
    create_queue(worker, max_attempts=3)
    tasks = worker.tasks
    if blocks:
        client = worker.local.tasks_client()
        route = DelayedRouteBuilder(client=client, base_url=URL, queue_path=QUEUE, verify=False, results=worker.store)
        tasks = APIRouter(route_class=route)
    fails = failing(worker, tasks)
    id = worker.record(fails)
    for retry_count, status in ((0, WAITING), (1, WAITING), (2, FAILED)):
        assert (await worker.attempt("/fails", id, retry_count=retry_count)).status == 500
        assert worker.now(id).status is status
    error = worker.now(id).error
    assert error is not None
    assert error.message == "500: Internal Server Error"


async def test_a_tasks_own_retry_settings_count_before_those_of_its_queue() -> None:
    worker = Worker()
    create_queue(worker, max_attempts=100)

    def hook(request: CreateTaskRequest) -> CreateTaskRequest:
        request.task.retry_config.max_attempts = 2
        return request

    route = AsyncDelayedRouteBuilder(
        client=worker.local.async_tasks_client,
        base_url=URL,
        queue_path=QUEUE,
        verify=False,
        results=worker.store,
        pre_create_hook=hook,
    )
    fails = failing(worker, APIRouter(route_class=route))
    client = worker.local.async_tasks_client()
    for name in ((await fails.delay()).name, (await fails.delay_many([{}])).created[0].name):
        task = await client.get_task(request={"name": name, "response_view": 2})
        own = {name.lower(): value for name, value in task.http_request.headers.items()}
        assert own["x-task-retry"] == "max_attempts=2, max_retry_duration=0s"
        id = own["x-task-record"].partition(".")[0]
        for retry_count, status in ((0, WAITING), (1, FAILED)):
            await worker.attempt("/fails", id, retry_count=retry_count, headers=own)
            assert worker.now(id).status is status


@pytest.mark.parametrize(
    ("attempts", "seconds", "after", "age", "last"),
    [
        (3, None, 2, 1000, False),
        (3, None, 3, 0, True),
        (-1, None, 10_000, 10**6, False),
        (0, None, 99, 10**6, False),
        (0, None, 100, 0, True),
        (-1, 60, 1, 59, False),
        (-1, 60, 1, 60, True),
        (3, 60, 3, 59, False),
        (3, 60, 2, 60, False),
        (3, 60, 3, 60, True),
    ],
)
async def test_both_limits_decide_together(
    attempts: int, seconds: int | None, after: int, age: int, last: bool
) -> None:
    worker = Worker()
    duration = {} if seconds is None else {"max_retry_duration": Duration(seconds=seconds)}
    create_queue(worker, max_attempts=attempts, **duration)
    knows = LastAttempts(worker.local.async_tasks_client, awaits=True)
    assert await knows.is_last(NAME, {}, after, timedelta(seconds=age)) is last
    tag = {"X-Task-Retry": f"max_attempts={attempts}, max_retry_duration={seconds or 0}s"}
    of_another_queue = NAME.replace("/q/", "/other/")
    assert await knows.is_last(of_another_queue, tag, after, timedelta(seconds=age)) is last


class Asked(CloudTasksAsyncClient):
    """A client of a user's, who may not look at queues until somebody allows it."""

    def __init__(self) -> None:
        self.allowed = False
        self.asked = 0

    async def get_queue(self, *args: Any, **kwargs: Any) -> Queue:
        self.asked += 1
        await asyncio.sleep(0)
        if not self.allowed:
            raise PermissionDenied("cloudtasks.queues.get")
        return Queue(name=QUEUE, retry_config=RetryConfig(max_attempts=1))


async def test_a_queue_is_asked_for_once_a_minute_and_who_may_not_ask_knows_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, now = Asked(), 0.0
    knows = LastAttempts(lambda: client, awaits=True, now=lambda: now)

    async def are_last() -> set[bool]:
        return set(await asyncio.gather(*(knows.is_last(NAME, {}, 1, timedelta()) for _ in range(10))))

    assert await are_last() == {False}
    assert await are_last() == {False}
    assert client.asked == 1
    assert len(caplog.messages) == 1
    assert QUEUE in caplog.messages[0]
    now, client.allowed = 60.0, True
    assert await are_last() == {True}
    assert await are_last() == {True}
    assert client.asked == 2
    now, client.allowed = 120.0, False
    assert await are_last() == {True}  # what was known counts on
    assert client.asked == 3
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("tag", ["", "max_attempts=-7, max_retry_duration=1s", "max_attempts=1", "x", "1" * 5000])
async def test_a_header_that_says_nothing_leaves_it_to_the_queue(tag: str) -> None:
    worker = Worker()
    create_queue(worker, max_attempts=2)
    knows = LastAttempts(worker.local.async_tasks_client, awaits=True)
    assert await knows.is_last(NAME, {"x-task-retry": tag}, 2, timedelta())
    assert not await knows.is_last(NAME, {"x-task-retry": tag}, 1, timedelta())


@pytest.mark.parametrize("count", ["", "-1", "x", "²", None])
async def test_without_a_count_of_attempts_the_next_one_may_come(count: str | None) -> None:
    worker = Worker()
    create_queue(worker, max_attempts=1)
    fails = failing(worker, worker.tasks)
    id = worker.record(fails)
    headers = {"X-CloudTasks-TaskRetryCount": count or ""}
    assert (await worker.attempt("/fails", id, headers=headers)).status == 500
    status: TaskStatus = worker.now(id).status
    assert status is WAITING
