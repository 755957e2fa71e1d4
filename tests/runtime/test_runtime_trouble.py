"""A dispatcher whose database, or whose own code, fails for a while goes on afterwards and forgets nothing."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gcptasks.base.errors import StoreError
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Queue, Reply
from gcptasks.runtime.lane import Horizon, Lane, Window
from gcptasks.service import dispatch
from gcptasks.store.due import BEGINNING, Due
from gcptasks.store.queues import StoredQueue
from gcptasks.store.times import to_us
from gcptasks.store.writer import NotNow
from gcptasks.wire.cloud_tasks import messages
from loops import NEW_LOOP
from runtime.runtime_doubles import START, calls, failing
from runtime.runtime_world import World, settled
from store.store_verbs import QUEUE, add_task

SECOND = timedelta(seconds=1)


def reads_queue(called: object, queue: Any = None, *rest: Any) -> bool:
    return called is dispatch.due_tasks and queue.queue == "b"


async def recovered(world: World, condition: Callable[[], bool]) -> None:
    """Move the clock until that is so."""
    while not condition():
        world.clock.advance(SECOND)
        for _ in range(20):
            await asyncio.sleep(0)


async def test_a_queue_that_cannot_be_read_for_a_moment_costs_no_task_of_another(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.store.read = failing(  # type: ignore[method-assign]  # a disk that fails once
        world.store.read,
        reads_queue,
        StoreError("disk I/O error"),
    )
    queues = world.queue("a"), world.queue("b")
    for queue in queues:
        world.task(queue)
    await recovered(world, lambda: len(world.target.sent) == 2)
    await recovered(world, lambda: not any(map(world.left, queues)))
    assert "disk I/O error" in caplog.text


async def test_the_loop_goes_on_after_an_error_that_nobody_thought_of(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.store.read = failing(  # type: ignore[method-assign]  # a bug of ours
        world.store.read,
        calls(dispatch.queue_named),
        RuntimeError("a bug of ours"),
    )
    world.task(world.queue())
    await recovered(world, lambda: len(world.target.sent) == 1)
    assert "a bug of ours" in caplog.text


@pytest.mark.parametrize("error", [StoreError("database or disk is full"), RuntimeError("a bug of ours")])
async def test_how_an_attempt_ended_is_written_when_it_can_be_and_then_another_may_start(
    world: World, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    world.store.write_unsynced_now = failing(  # a disk that is full for a moment
        world.store.write_unsynced_now, calls(dispatch.acknowledge), error
    )
    queue = world.queue(rate_limits=messages.RateLimits(max_concurrent_dispatches=1))
    for _ in range(2):
        world.task(queue)
    # The second has its turn once the first is written down.
    await recovered(world, lambda: world.left(queue) == 0)
    assert len(world.target.sent) == 2
    assert "how 1 attempts ended cannot be written; it is tried again" in caplog.text


async def test_a_stop_does_not_wait_for_ever_for_a_disk_that_is_full(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    full = [StoreError("full")] * 100  # a disk that stays so
    world.store.write_unsynced_now = failing(world.store.write_unsynced_now, calls(dispatch.acknowledge), *full)
    world.store.write_unsynced = failing(world.store.write_unsynced, calls(dispatch.acknowledge), *full)
    world.task(world.queue())
    await world.until(lambda: "it is tried again" in caplog.text)
    await world.dispatcher.stop(timedelta(milliseconds=50))
    assert "how some attempts ended is not written yet, so the next start repeats them" in caplog.text


async def test_an_attempt_that_is_counted_when_the_stop_comes_is_made(world: World) -> None:
    leasing, go, plain = asyncio.Event(), asyncio.Event(), world.store.write_unsynced

    async def slow(verb: Any, *args: Any) -> Any:
        answer = await plain(verb, *args)
        if verb is dispatch.lease:
            leasing.set()
            await go.wait()
        return answer

    world.store.write_unsynced_now = failing(world.store.write_unsynced_now, calls(dispatch.lease), NotNow())
    world.store.write_unsynced = slow  # type: ignore[assignment]  # a disk that takes its time
    queue = world.queue()
    # Not on the dispatcher's loop, where it would begin as it is created.
    await asyncio.to_thread(world.task, queue)
    await leasing.wait()
    stopping = asyncio.create_task(world.dispatcher.stop(30 * SECOND))
    await asyncio.sleep(0)
    go.set()
    await stopping
    assert (len(world.target.sent), world.left(queue)) == (1, 0)


async def test_a_stop_that_is_cancelled_cancels_what_runs(world: World) -> None:
    world.target.gate.clear()
    queue = world.queue()
    world.task(queue)
    await world.target.received(1)
    stopping = asyncio.create_task(world.dispatcher.stop(30 * SECOND))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert (world.target.open, world.left(queue)) == (0, 1)


def test_a_dispatcher_whose_loop_was_closed_disturbs_no_writer() -> None:
    world = World(None)
    loop = NEW_LOOP()
    loop.run_until_complete(world.dispatcher.start())
    running = asyncio.all_tasks(loop)
    for task in running:
        task.cancel()
    loop.run_until_complete(asyncio.wait(running))
    loop.close()
    world.store.write_sync(add_task)
    world.store.write_sync(add_task)


def test_a_retry_that_is_due_before_its_attempt_is_over_here_is_not_forgotten() -> None:
    """What the store tells may come before the dispatcher has heard how its own write went."""
    horizon = Horizon()
    horizon.move(START)
    lane = Lane(StoredQueue(1, 1, Queue(name=QUEUE)), horizon, START)
    lane.loaded([], Window(BEGINNING, to_us(START + SECOND), 1000))
    lane.arrived(Due(to_us(START), 1))
    assert lane.take(START, 10) == [1]
    lane.arrived(Due(to_us(START), 1))
    assert lane.take(START, 10) == []
    lane.ended(1, forced=False)
    assert lane.take(START, 10) == [1]


async def test_a_retry_without_delay_comes(world: World) -> None:
    answers = [503] * 20 + [200]

    def answer(request: Outgoing) -> Reply:
        return Reply(status=answers.pop(0))

    world.target.answer = answer
    queue = world.queue(retry_config={"min_backoff": {"nanos": 1000}, "max_backoff": {"nanos": 1000}})
    world.task(queue)
    while world.left(queue):
        world.clock.advance(timedelta(microseconds=1))
        await asyncio.sleep(0)
    assert len(world.target.sent) == 21


async def test_run_task_while_a_lease_waits_for_the_disk_gets_its_attempt_too(world: World) -> None:
    leasing, go, plain = asyncio.Event(), asyncio.Event(), world.store.write_unsynced
    queue = world.queue()
    first, second = (world.task(queue, after=SECOND * 3600) for _ in range(2))
    await settled()

    async def slow(verb: Any, *args: Any) -> Any:
        answer = await plain(verb, *args)
        leasing.set()
        await go.wait()
        return answer

    world.store.write_unsynced_now = failing(  # another process is writing
        world.store.write_unsynced_now, calls(dispatch.lease), NotNow()
    )
    world.store.write_unsynced = slow  # type: ignore[assignment]  # a disk that takes its time
    world.call("RunTask", messages.RunTaskRequest(name=first))
    await leasing.wait()
    world.call("RunTask", messages.RunTaskRequest(name=second))
    go.set()
    await world.until(lambda: world.left(queue) == 0)
    assert len(world.target.sent) == 2
