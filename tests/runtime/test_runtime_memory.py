"""The memory of attempts under way: large bodies wait in the database until there is room for them."""

import asyncio
from datetime import timedelta

from gcptasks.base.events import AttemptSucceeded
from gcptasks.runtime.body_memory import BodyMemory
from gcptasks.wire.cloud_tasks import messages
from runtime.runtime_world import World, settled

MIB = 1024 * 1024
LARGE = 1_000_000


def bytes_open(world: World) -> int:
    """The bytes of bodies that the target holds, all of which it was sent while its gate was closed."""
    return sum(len(request.body) for request in world.target.sent)


async def test_the_large_bodies_of_a_queue_under_way_are_bounded_and_all_arrive(world: World) -> None:
    queue = world.queue(rate_limits=messages.RateLimits(max_dispatches_per_second=500, max_concurrent_dispatches=500))
    bodies = [bytes([number]) * LARGE for number in range(80)]
    world.target.gate.clear()
    for body in bodies:
        world.task(queue, body=body)
    await settled()
    assert 10 * MIB < bytes_open(world) <= 24 * MIB
    world.target.gate.set()
    await world.until(lambda: world.left(queue) == 0)
    assert sorted(request.body for request in world.target.sent) == bodies


async def test_a_queue_whose_workers_hang_leaves_room_for_other_queues(world: World) -> None:
    world.target.gate.clear()
    for name in ("a", "b", "c", "d"):
        hanging = world.queue(name)
        for _ in range(50):
            world.task(hanging, body=b"x" * LARGE)
    await settled()
    held = len(world.target.sent)
    assert bytes_open(world) <= 96 * MIB
    other = world.queue("other")
    world.task(other, body=b"large" * 200_000)
    world.task(other, body=b"small")
    await settled()
    assert sorted(len(request.body) for request in world.target.sent[held:]) == [5, LARGE]


async def test_small_bodies_wait_for_nothing(world: World) -> None:
    queue = world.queue(rate_limits=messages.RateLimits(max_dispatches_per_second=500, max_concurrent_dispatches=500))
    world.target.gate.clear()
    for _ in range(50):
        world.task(queue, body=b"x" * LARGE)
    await settled()
    held = len(world.target.sent)
    for _ in range(20):
        world.task(queue, body=b"x" * 16_384)
    await settled()
    assert len(world.target.sent) == held + 20


async def test_a_task_that_is_deleted_while_it_waits_for_room_is_not_sent_and_its_place_is_free(world: World) -> None:
    queue = world.queue(rate_limits=messages.RateLimits(max_concurrent_dispatches=50))
    world.target.gate.clear()
    names = [world.task(queue, body=b"%8d" % number * (LARGE // 8)) for number in range(50)]
    await settled()
    begun = {request.body[:8] for request in world.target.sent}
    assert len(begun) < 50
    world.task(queue, body=b"the last")
    await settled()
    for number, name in enumerate(names):
        if b"%8d" % number not in begun:
            world.call("DeleteTask", messages.DeleteTaskRequest(name=name))
    world.target.gate.set()
    await world.until(lambda: world.left(queue) == 0)
    assert {request.body[:8] for request in world.target.sent} == begun | {b"the last"}
    assert len(world.of(AttemptSucceeded)) == len(begun) + 1


async def test_what_waits_for_room_at_a_stop_counts_as_not_attempted(world: World) -> None:
    queue = world.queue()
    world.target.gate.clear()
    names = [world.task(queue, body=b"x" * LARGE) for _ in range(50)]
    await settled()
    sent = len(world.target.sent)
    await world.dispatcher.stop(timedelta(0))
    counts = [world.get(name).dispatch_count for name in names]
    assert (counts.count(1), counts.count(0)) == (sent, 50 - sent)
    await world.dispatcher.start()
    world.target.gate.set()
    await world.until(lambda: world.left(queue) == 0)


async def test_one_body_always_fits_and_the_next_follows() -> None:
    memory = BodyMemory(1000)
    begun: list[str] = []
    go = asyncio.Event()

    async def attempt(queue: str, size: int) -> None:
        async with memory.room(queue, size):
            begun.append(queue)
            await go.wait()

    attempts = [asyncio.create_task(attempt(queue, size)) for queue, size in (("a", 5000), ("b", 10), ("c", 5000))]
    await settled()
    assert begun == ["a"]
    attempts[1].cancel()
    go.set()
    await asyncio.wait(attempts)
    assert begun == ["a", "c"]
    assert attempts[1].cancelled()
