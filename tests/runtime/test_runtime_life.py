"""Everything that is started and stopped: twice, in any order, at the same time, and again."""

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gcptasks.base.errors import SetupError, StoreError
from gcptasks.runtime.dispatcher import Dispatcher
from gcptasks.runtime.leader import Leader
from gcptasks.runtime.leader_lock import LeaderLock
from gcptasks.runtime.loop import Startable
from gcptasks.runtime.sweeper import Sweeper
from gcptasks.server.backend import Backend
from gcptasks.server.settings import Settings
from loops import run as run_on_loop
from runtime.runtime_doubles import RecordingTarget
from runtime.runtime_world import World, settled

GRACE = timedelta(seconds=5)
OLD = timedelta(days=32)


@dataclass
class Life:
    """Something to start and stop, and how to see that it works."""

    subject: Startable
    world: World
    works: Callable[[], Coroutine[Any, Any, None]]


def dispatcher() -> Life:
    world = World(None)
    return Life(world.dispatcher, world, lambda: delivers(world, world.target))


def sweeper() -> Life:
    world = World(None)
    return Life(Sweeper(world.store, world.clock), world, lambda: sweeps(world))


def leader() -> Life:
    world = World(None)
    return Life(leader_of(world), world, lambda: delivers(world, world.target))


def leader_of(world: World) -> Leader:
    loops = [world.dispatcher, Sweeper(world.store, world.clock)]
    return Leader(LeaderLock(world.store.database.lock_path), loops, world.clock)


def backend() -> Life:
    world, target = World(None), RecordingTarget()
    made = Backend(Settings(database="memory:"), lambda: target, clock=world.clock)
    world.calls = made.calls
    return Life(made, world, lambda: delivers(world, target))


async def delivers(world: World, target: RecordingTarget) -> None:
    """A task is sent, and by one alone."""
    sent = len(target.sent)
    queue = world.queue(f"q{sent}")
    world.task(queue)
    await world.until(lambda: world.left(queue) == 0)
    assert len(target.sent) == sent + 1


async def sweeps(world: World) -> None:
    """A task that is too old is dropped."""
    queue = world.queue(f"q{world.clock.now():%s}")
    world.task(queue)
    world.clock.advance(OLD)
    while world.left(queue):
        world.clock.advance(timedelta(minutes=1))
        await asyncio.sleep(0)


KINDS = [dispatcher, sweeper, leader, backend]
STEPS = st.lists(st.lists(st.booleans(), min_size=1, max_size=4), max_size=6)
"""Starts (true) and stops: those of an inner list at the same time."""


async def taken(life: Life, steps: list[list[bool]]) -> None:
    subject = life.subject
    for together in steps:
        await asyncio.gather(*(subject.start() if start else subject.stop(GRACE) for start in together))


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def others() -> set["asyncio.Task[object]"]:
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.mark.parametrize("kind", KINDS)
@given(first=STEPS, second=STEPS)
@settings(max_examples=25, deadline=None)
def test_whatever_came_before_a_start_works_and_a_stop_leaves_nothing(
    kind: Callable[[], Life], first: list[list[bool]], second: list[list[bool]]
) -> None:
    life = kind()

    async def run(steps: list[list[bool]]) -> None:
        await taken(life, steps)
        await life.subject.start()
        await life.works()
        await life.subject.stop(GRACE)
        assert not others()

    # Each on an event loop of its own, as the tests of an application are.
    run_on_loop(run(first))
    run_on_loop(run(second))
    life.world.store.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_the_last_word_counts_though_it_comes_while_the_first_is_heard(
    kind: Callable[[], Life],
) -> None:
    life = kind()
    await taken(life, [[True, False, True, False]])
    assert not others()
    await taken(life, [[False, True, False, True]])
    await life.works()
    await life.subject.stop(GRACE)


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_loop_that_was_closed_without_a_stop_is_forgotten(kind: Callable[[], Life]) -> None:
    life = kind()

    async def run() -> None:
        await life.subject.start()
        await life.works()
        # The runner cancels what is left, and closes the loop.

    for _ in range(2):
        run_on_loop(run())

    async def stop() -> None:
        await life.subject.stop(GRACE)
        assert not others()

    run_on_loop(stop())
    life.world.store.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_runs_on_another_event_loop_is_stopped_there(kind: Callable[[], Life]) -> None:
    life = kind()
    await life.subject.start()
    for word in (life.subject.start(), life.subject.stop(GRACE)):
        with pytest.raises(SetupError, match="another event loop"):
            await asyncio.to_thread(run_on_loop, word)
    await life.works()
    await life.subject.stop(GRACE)


@pytest.mark.parametrize("kind", [dispatcher, leader, backend])
async def test_nothing_starts_from_the_moment_of_the_stop_on(kind: Callable[[], Life]) -> None:
    life = kind()
    await life.subject.start()
    await life.works()
    queue = life.world.queue("late")
    stopping = asyncio.create_task(life.subject.stop(GRACE))
    await asyncio.sleep(0)
    life.world.task(queue)
    await stopping
    await settled()
    assert life.world.left(queue) == 1


async def test_a_stop_waits_for_the_stop_that_is_under_way(world: World) -> None:
    world.target.gate.clear()
    world.task(world.queue())
    await world.target.received(1)
    stops = [asyncio.create_task(world.dispatcher.stop(GRACE)) for _ in range(2)]
    again = asyncio.create_task(world.dispatcher.start())
    await asyncio.sleep(0)
    assert not any(task.done() for task in (*stops, again))
    world.target.gate.set()
    await asyncio.gather(*stops, again)
    assert len(world.target.sent) == 1


async def test_a_backend_that_cannot_start_leaves_nothing_and_can_start_later(tmp_path: Path) -> None:
    target = RecordingTarget()
    made = Backend(Settings(database=str(tmp_path / "folder" / "tasks.db")), lambda: target)
    (tmp_path / "folder").touch()  # a file, where a folder is needed
    with pytest.raises(StoreError):
        await made.start()
    assert not others()
    assert not made.delivers
    (tmp_path / "folder").unlink()
    await made.start()
    assert made.delivers
    await made.stop(GRACE)


async def test_who_leads_goes_on_leading_until_the_lock_is_let_go_of(tmp_path: Path) -> None:
    """Each has a store and a lock of its own on the file, as two processes have."""
    first, second = World(tmp_path / "tasks.db"), World(tmp_path / "tasks.db")
    lock = LeaderLock(first.store.database.lock_path)
    leading = Leader(lock, [first.dispatcher], first.clock)
    waiting = leader_of(second)
    await leading.start()
    await waiting.start()
    assert (leading.leads, waiting.leads) == (True, False)
    await leading.stop(GRACE)
    second.clock.advance(timedelta(seconds=1))
    await asyncio.sleep(0)
    assert not waiting.leads, "what the first wrote may not be on disk yet"
    lock.release()
    second.clock.advance(timedelta(seconds=1))
    await second.until(lambda: waiting.leads)
    await delivers(second, second.target)
    await waiting.stop(GRACE)
    for world in (first, second):
        world.store.close()


async def test_another_takes_over_within_a_second_of_the_end_of_who_led(tmp_path: Path) -> None:
    world = World(tmp_path / "tasks.db")
    lock = LeaderLock(world.store.database.lock_path)
    assert lock.take()
    waiting = leader_of(world)
    await waiting.start()
    await settled()  # it has tried and failed
    lock.release()
    assert not waiting.leads
    world.clock.advance(timedelta(seconds=1))
    await world.until(lambda: waiting.leads)
    await delivers(world, world.target)
    await waiting.stop(GRACE)
    world.store.close()


def test_a_process_that_tries_again_and_again_to_lead_keeps_no_files_open(tmp_path: Path) -> None:
    leading, waiting = (LeaderLock(tmp_path / "tasks.db.lock") for _ in range(2))
    assert leading.take()
    gc.collect()
    before = open_files()
    assert not any(waiting.take() for _ in range(10))
    assert open_files() <= before
    leading.release()
    assert waiting.take()
    waiting.release()


async def test_a_dispatcher_that_was_stopped_is_told_nothing_more(world: World) -> None:
    stopped = Dispatcher(world.store, world.target, world.clock)
    await stopped.start()
    await stopped.stop(GRACE)
    left = weakref.ref(stopped)
    del stopped
    gc.collect()
    assert left() is None, "the store still has it"
