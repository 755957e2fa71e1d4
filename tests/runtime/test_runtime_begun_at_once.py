"""A task that is due when it is created, and for which there is room, begins in the commit that creates it."""

import asyncio
import errno
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gcptasks.base.errors import StoreError
from gcptasks.base.events import AttemptStarted, Events, TaskCreated
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store import commit_place, log_file
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.names import SERVICE
from runtime.runtime_world import World, settled

SECOND = timedelta(seconds=1)
SOON = 20.0
"""Seconds that a thread of these tests waits at most."""
ONE = messages.RateLimits(max_dispatches_per_second=1, max_concurrent_dispatches=1)


@pytest.fixture
async def filed(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose database is a file."""
    world = World(tmp_path / "tasks.db")
    await world.dispatcher.start()
    yield world
    await world.dispatcher.stop(5 * SECOND)
    world.store.close()


def asked(world: World, name: str, request: Any) -> "asyncio.Future[Any]":
    """That call, under way: those of one turn of the loop share a commit."""
    return asyncio.ensure_future(world.calls.call(f"/{SERVICE}/{name}", request))


def created(world: World, queue: str, **task: Any) -> "asyncio.Future[Any]":
    request = messages.Task(http_request=messages.HttpRequest(url="http://worker.local/"), **task)
    return asked(world, "CreateTask", messages.CreateTaskRequest(parent=queue, task=request))


def traced(world: World) -> list[str]:
    """The statements that are run from now on."""
    seen: list[str] = []

    def look(tx: Tx) -> None:
        tx._sql._connection.set_trace_callback(
            lambda text: seen.append(text) if text.startswith("UPDATE tasks") else None
        )

    world.store.write_sync(look)
    return seen


async def test_it_needs_no_lease(world: World) -> None:
    queue = world.queue()
    await settled()
    statements = traced(world)
    await created(world, queue)
    await settled()
    assert (len(world.target.sent), world.left(queue)) == (1, 0)
    assert not [statement for statement in statements if statement.startswith("UPDATE tasks")]
    assert [type(event) for event in world.events[-3:-1]] == [TaskCreated, AttemptStarted]


async def test_the_answer_shows_no_attempt_and_the_file_does(world: World) -> None:
    world.target.gate.clear()
    queue = world.queue()
    await settled()
    task = await created(world, queue)
    stored = world.get(task.name)
    assert (task.dispatch_count, task.HasField("first_attempt")) == (0, False)
    assert stored.dispatch_count == 1
    assert stored.first_attempt.dispatch_time == stored.last_attempt.dispatch_time
    assert stored.last_attempt.schedule_time == task.schedule_time


@pytest.mark.parametrize("call", ["DeleteTask", "PauseQueue", "PurgeQueue", "DeleteQueue"])
async def test_what_takes_it_back_in_the_same_commit_wins(world: World, call: str) -> None:
    queue = world.queue()
    await settled()
    name = f"{queue}/tasks/mine"
    request = {
        "DeleteTask": messages.DeleteTaskRequest(name=name),
        "PauseQueue": messages.PauseQueueRequest(name=queue),
        "PurgeQueue": messages.PurgeQueueRequest(name=queue),
        "DeleteQueue": messages.DeleteQueueRequest(name=queue),
    }[call]
    await asyncio.gather(created(world, queue, name=name), asked(world, call, request))
    await settled()
    assert world.target.sent == []


async def test_it_does_not_begin_in_a_queue_that_was_paused_in_the_same_commit(world: World) -> None:
    queue = world.queue()
    await settled()
    await asyncio.gather(asked(world, "PauseQueue", messages.PauseQueueRequest(name=queue)), created(world, queue))
    await settled()
    assert (world.target.sent, world.left(queue)) == ([], 1)


async def test_it_does_not_begin_in_a_queue_that_another_process_has_just_paused(filed: World, tmp_path: Path) -> None:
    queue = filed.queue()
    await settled()
    with closing(Store(parse_database(str(tmp_path / "tasks.db")), Events())) as other:
        calls = Calls(other, filed.clock, Policy())
        calls.call_sync(f"/{SERVICE}/PauseQueue", messages.PauseQueueRequest(name=queue))
        await created(filed, queue)
        await settled()
        assert (filed.target.sent, filed.left(queue)) == ([], 1)
        calls.call_sync(f"/{SERVICE}/ResumeQueue", messages.ResumeQueueRequest(name=queue))
    filed.clock.advance(SECOND)
    await filed.until(lambda: filed.left(queue) == 0)
    assert len(filed.target.sent) == 1


async def test_a_commit_that_fails_costs_no_place_and_no_token(filed: World, tmp_path: Path) -> None:
    queue = filed.queue(rate_limits=ONE)
    await settled()
    (tmp_path / "tasks.db").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="was deleted or replaced"):
        await created(filed, queue)
    (tmp_path / "elsewhere").rename(tmp_path / "tasks.db")
    await created(filed, queue)
    await filed.until(lambda: filed.left(queue) == 0)
    assert len(filed.target.sent) == 1


async def test_a_stop_while_the_disk_syncs_waits_for_what_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a slow disk, where a thread syncs: here until the stop waits for it."""
    monkeypatch.setattr(commit_place, "_SLOW", 0.0)
    world = World(tmp_path / "tasks.db")
    await world.dispatcher.start()
    queue = world.queue()
    await settled()
    syncing, go_on, plain = threading.Event(), threading.Event(), log_file.sync_file

    def sync(file: int) -> None:
        syncing.set()
        assert go_on.wait(SOON)
        plain(file)

    monkeypatch.setattr(log_file, "sync_file", sync)
    creating = created(world, queue)
    await asyncio.to_thread(syncing.wait, SOON)
    stopping = asyncio.ensure_future(world.dispatcher.stop(5 * SECOND))
    await settled()
    assert not stopping.done()
    go_on.set()
    await creating
    await stopping
    assert (len(world.target.sent), world.left(queue)) == (1, 0)
    world.store.close()


async def test_it_begins_while_the_disk_syncs_and_is_answered_afterwards(
    filed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = filed.queue()
    await settled()
    syncing, plain = threading.Event(), log_file.sync_file

    def sync(file: int) -> None:
        assert syncing.wait(20)
        plain(file)

    monkeypatch.setattr(log_file, "sync_file", sync)
    answer = created(filed, queue)
    try:
        await filed.target.received(1)
        assert not answer.done()
    finally:
        syncing.set()
    assert (await answer).name
    await filed.until(lambda: filed.left(queue) == 0)
    assert len(filed.target.sent) == 1


async def test_what_cannot_be_synced_is_refused_though_it_has_begun(
    filed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = filed.queue(rate_limits=messages.RateLimits(max_concurrent_dispatches=1))
    await settled()
    plain = log_file.sync_file
    monkeypatch.setattr(log_file, "sync_file", _no_sync)
    with pytest.raises(StoreError, match="cannot be synced"):
        await created(filed, queue)
    monkeypatch.setattr(log_file, "sync_file", plain)
    await filed.until(lambda: filed.left(queue) == 0)
    assert len(filed.target.sent) == 1
    await created(filed, queue)
    await filed.until(lambda: filed.left(queue) == 0)
    assert len(filed.target.sent) == 2


def _no_sync(file: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("limit", [{"max_concurrent_dispatches": 3}, {"max_dispatches_per_second": 0.3}])
async def test_the_limits_of_the_queue_hold(world: World, limit: dict[str, Any]) -> None:
    world.target.gate.clear()
    queue = world.queue(rate_limits=messages.RateLimits(**limit))
    await settled()
    burst = world.call("GetQueue", messages.GetQueueRequest(name=queue)).rate_limits.max_burst_size
    await asyncio.gather(*(created(world, queue) for _ in range(20)))
    await settled()
    assert len(world.target.sent) == limit.get("max_concurrent_dispatches", burst) < 20


async def test_one_that_waits_goes_first(world: World) -> None:
    world.target.gate.clear()
    queue = world.queue(rate_limits=messages.RateLimits(max_concurrent_dispatches=1))
    await settled()
    names = [(await created(world, queue)).name for _ in range(3)]
    world.target.gate.set()
    await world.until(lambda: len(world.target.sent) == 3)
    assert [world.target.headers(index)["X-CloudTasks-TaskName"] for index in range(3)] == [
        name.rpartition("/")[2] for name in names
    ]


async def test_what_is_due_later_waits(world: World) -> None:
    queue = world.queue()
    await settled()
    world.task(queue, 2 * SECOND)
    await settled()
    assert world.target.sent == []
    world.clock.advance(2 * SECOND)
    await world.until(lambda: len(world.target.sent) == 1)


async def test_what_a_thread_creates_is_delivered(world: World) -> None:
    queue = world.queue()
    await settled()
    await asyncio.to_thread(world.task, queue)
    await world.until(lambda: world.left(queue) == 0)
    assert len(world.target.sent) == 1
