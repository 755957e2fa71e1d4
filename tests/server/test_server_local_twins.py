"""The in-process clients, sync and async, are refused alike, by the exceptions of Google's own."""

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from google.api_core import exceptions

from fastapi_gcp_tasks import LocalService, as_async_delayed_task
from server.server_apps import QUEUE, URL, Done, async_task_router, serving

PARENT = "projects/p/locations/l"
TASK = {"http_request": {"url": "http://app.local/"}}

Refused = tuple[str, dict[str, Any], type[Exception]]

REFUSED: list[Refused] = [
    ("get_queue", {"name": QUEUE}, exceptions.NotFound),
    ("get_queue", {"name": "nonsense"}, exceptions.PermissionDenied),
    ("get_queue", {"name": f"{QUEUE}_"}, exceptions.InvalidArgument),
    ("create_queue", {"parent": PARENT, "queue": {"name": f"{PARENT}/queues/there"}}, exceptions.AlreadyExists),
    ("create_task", {"parent": QUEUE, "task": TASK}, exceptions.NotFound),
    ("create_task", {"parent": f"{PARENT}/queues/there", "task": {}}, exceptions.InvalidArgument),
    ("get_task", {"name": f"{QUEUE}/tasks/t"}, exceptions.NotFound),
    ("run_task", {"name": f"{QUEUE}/tasks/t"}, exceptions.NotFound),
    ("delete_queue", {"name": QUEUE}, exceptions.NotFound),
    ("list_locations", {"name": "projects/p", "filter": "l"}, exceptions.MethodNotImplemented),
    ("list_queues", {"parent": PARENT, "page_size": -1}, exceptions.InvalidArgument),
]


@pytest.mark.parametrize(("method", "request_", "kind"), REFUSED, ids=lambda value: getattr(value, "__name__", None))
async def test_both_clients_raise_the_same(method: str, request_: dict[str, Any], kind: type[Exception]) -> None:
    local = LocalService("memory:", app_url=URL, create_queues=False)
    client, async_client = local.tasks_client(), local.async_tasks_client()
    client.create_queue({"parent": PARENT, "queue": {"name": f"{PARENT}/queues/there"}})
    blocking: Callable[..., Any] = getattr(client, method)
    awaited: Callable[..., Any] = getattr(async_client, method)
    with pytest.raises(kind) as sync_error:
        blocking(request=request_)
    with pytest.raises(kind) as async_error:
        await awaited(request=request_)
    assert str(sync_error.value) == str(async_error.value)
    assert type(sync_error.value) is type(async_error.value)


def test_a_queue_that_a_task_names_first_is_made_by_default_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """CT-L16, with the defaults of CT-030."""
    client = LocalService("memory:", app_url=URL).tasks_client()
    with caplog.at_level(logging.INFO, "gcptasks"):
        client.create_task({"parent": QUEUE, "task": TASK})
    assert "queue q created" in caplog.messages
    assert client.get_queue(name=QUEUE).rate_limits.max_dispatches_per_second == 500


async def test_without_create_queues_a_task_for_an_unknown_queue_is_refused_and_otherwise_makes_it() -> None:
    """CT-L16."""
    strict, lenient = (LocalService("memory:", app_url=URL, create_queues=create) for create in (False, True))
    with pytest.raises(exceptions.NotFound, match="Queue does not exist"):
        strict.tasks_client().create_task({"parent": QUEUE, "task": TASK})
    assert not list(strict.tasks_client().list_queues(parent=PARENT))
    lenient.tasks_client().create_task({"parent": QUEUE, "task": TASK})
    assert [found.name for found in lenient.tasks_client().list_queues(parent=PARENT)] == [QUEUE]


@pytest.mark.parametrize(("quotas", "rate"), [("google", 500), ("none", 100_000)])
def test_quotas_none_lifts_the_upper_limits(quotas: Any, rate: int) -> None:
    client = LocalService("memory:", app_url=URL, quotas=quotas).tasks_client()
    wanted = {"name": QUEUE, "rate_limits": {"max_dispatches_per_second": 100_000}}
    try:
        limits = client.create_queue({"parent": PARENT, "queue": wanted}).rate_limits
    except exceptions.InvalidArgument:
        assert quotas == "google"
    else:
        assert limits.max_dispatches_per_second == rate


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"schedule_time": datetime.now(UTC) + timedelta(days=31)}, "no more than 720h in the future"),
        ({"http_request": {**TASK["http_request"], "body": bytes(2**20)}}, "Task size too large"),
        ({"dispatch_deadline": timedelta(hours=1)}, "dispatch_deadline|dispatchDeadline"),
    ],
    ids=["horizon", "size", "deadline"],
)
def test_quotas_none_leaves_the_limits_of_tasks(task: dict[str, Any], said: str) -> None:
    client = LocalService("memory:", app_url=URL, quotas="none").tasks_client()
    with pytest.raises(exceptions.InvalidArgument, match=said):
        client.create_task({"parent": QUEUE, "task": {**TASK, **task}})


async def test_nothing_is_kept_of_unnamed_tasks_that_are_done() -> None:
    local, done, app = LocalService("memory:", app_url=URL, quotas="none"), Done(), FastAPI()
    client = local.tasks_client()
    client.create_queue(
        {"parent": PARENT, "queue": {"name": QUEUE, "rate_limits": {"max_dispatches_per_second": 100_000}}}
    )
    tasks = async_task_router(local)

    @as_async_delayed_task
    @tasks.post("/note")
    async def note() -> None:
        done.append(None)

    app.include_router(tasks)
    local.install(app)

    async def run(count: int) -> int:
        for _ in range(count // 100):
            await asyncio.gather(*(note.delay() for _ in range(100)))
            await done.reach(100)
            done.clear()
        await done.until(lambda: not list(client.list_tasks(parent=QUEUE)))
        gc.collect()  # what only waits to be found is not kept
        return tracemalloc.get_traced_memory()[0]

    async with serving(app):
        tracemalloc.start()
        try:
            before = await run(1000)
            after = await run(3000)
        finally:
            tracemalloc.stop()
    # A task that were kept would cost a hundred bytes and more.
    assert after - before < 3000 * 20
