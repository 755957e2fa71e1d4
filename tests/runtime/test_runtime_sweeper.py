"""What the sweeper drops, by a clock that somebody may set: nothing that is old for a moment only."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gcptasks.base.errors import AlreadyExists
from gcptasks.base.events import TaskExpired
from gcptasks.runtime.sweeper import Sweeper
from gcptasks.wire.cloud_tasks import messages
from loops import run as run_on_loop
from runtime.runtime_world import World, settled

MONTH = timedelta(days=32)
SECOND = timedelta(seconds=1)
GRACE = 5 * SECOND


class Swept(World):
    """A store with a sweeper, a task that waits, and a name that is blocked."""

    def __init__(self) -> None:
        super().__init__(None)
        self.sweeper = Sweeper(self.store, self.clock)
        self.name = self.queue()
        self.waits = self.task(self.name, timedelta(days=29))

    async def pass_time(self, span: timedelta) -> None:
        """Little by little, so that the sweeper looks when it wants to."""
        while span > timedelta(0):
            step = min(span, 5 * SECOND)
            span -= step
            self.clock.advance(step)
            for _ in range(5):
                await asyncio.sleep(0)

    @property
    def kept(self) -> bool:
        return self.left(self.name) == 1


@pytest.fixture
async def swept() -> AsyncIterator[Swept]:
    swept = Swept()
    await swept.sweeper.start()
    await settled()
    yield swept
    await swept.sweeper.stop(GRACE)
    swept.store.close()


@pytest.mark.parametrize("before", [0, 1, 59, 61, 90, 200])
@pytest.mark.parametrize("wrong", [1, 30, 59])
async def test_a_clock_that_is_a_month_ahead_for_less_than_a_minute_drops_nothing(
    swept: Swept, before: int, wrong: int
) -> None:
    await swept.pass_time(before * SECOND)
    swept.clock.set(MONTH)
    await swept.pass_time(wrong * SECOND)
    swept.clock.set(-MONTH)
    await swept.pass_time(200 * SECOND)
    assert swept.kept


async def test_a_clock_that_is_behind_for_a_while_drops_nothing(swept: Swept) -> None:
    swept.clock.set(-MONTH)
    await swept.pass_time(200 * SECOND)
    swept.clock.set(MONTH)
    await swept.pass_time(200 * SECOND)
    assert swept.kept


async def test_what_is_too_old_at_two_looks_goes(swept: Swept) -> None:
    """CT-145."""
    swept.clock.set(MONTH)
    await swept.pass_time(59 * SECOND)
    assert swept.kept
    await swept.pass_time(80 * SECOND)
    assert not swept.kept
    assert [event.at for event in swept.of(TaskExpired)] != []


async def test_a_service_that_starts_with_a_clock_that_is_ahead_drops_nothing_at_once() -> None:
    swept = Swept()
    swept.clock.set(MONTH)
    for _ in range(3):
        await swept.sweeper.start()
        await swept.pass_time(10 * SECOND)
        await swept.sweeper.stop(GRACE)
    swept.clock.set(-MONTH)
    await swept.sweeper.start()
    await swept.pass_time(200 * SECOND)
    await swept.sweeper.stop(GRACE)
    assert swept.kept
    swept.store.close()


async def test_a_name_that_is_blocked_stays_so(swept: Swept) -> None:
    """CT-130."""
    name = f"{swept.name}/tasks/once"
    swept.task(swept.name, timedelta(days=1), name=name)
    swept.call("DeleteTask", messages.DeleteTaskRequest(name=name))
    await swept.pass_time(70 * SECOND)
    swept.clock.set(MONTH)
    await swept.pass_time(59 * SECOND)
    swept.clock.set(-MONTH)
    await swept.pass_time(70 * SECOND)
    with pytest.raises(AlreadyExists):
        swept.task(swept.name, name=name)


@settings(max_examples=20)
@given(steps=st.lists(st.tuples(st.integers(125, 190), st.integers(1, 58), st.integers(-100, 100)), max_size=3))
def test_no_moments_of_a_wrong_clock_drop_anything(steps: list[tuple[int, int, int]]) -> None:
    """Right for some minutes, wrong by some days for less than one, and so on."""

    async def run() -> None:
        swept = Swept()
        await swept.sweeper.start()
        for right, wrong, days in steps:
            await swept.pass_time(right * SECOND)
            swept.clock.set(timedelta(days=days))
            await swept.pass_time(wrong * SECOND)
            swept.clock.set(timedelta(days=-days))
        await swept.pass_time(130 * SECOND)
        assert swept.kept
        await swept.sweeper.stop(GRACE)
        swept.store.close()

    run_on_loop(run())
