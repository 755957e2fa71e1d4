"""How many attempts begin while others are under way in the same process."""

import asyncio
import time
from collections.abc import Callable

from gcptasks.runtime.intake import MOST, Intake


class Process:
    """An intake, and attempts that end when the test says so."""

    def __init__(self) -> None:
        self.again = asyncio.Event()
        self.intake = Intake(self.again.set)
        self._waves: list[int] = []
        """Of those under way, the oldest first."""

    def begin(self, attempts: int, *, end_at_once: bool = False) -> None:
        """Have so many begin."""
        waves = [self.intake.wave] * attempts
        if end_at_once:
            for wave in waves:
                asyncio.get_running_loop().call_soon(self.intake.ended, wave)
        else:
            self._waves += waves
        self.intake.begun(attempts)

    def end(self, attempts: int) -> None:
        """The oldest so many end."""
        for wave in self._waves[:attempts]:
            self.intake.ended(wave)
        del self._waves[:attempts]

    async def fill(self) -> int:
        """Begin as many as there is room for, until there is none; how many are under way."""
        while room := self.intake.room():
            self.begin(room)
            await asyncio.sleep(0)  # in which they take their first steps
        return len(self._waves)

    async def until_room(self) -> None:
        async with asyncio.timeout(30):
            while not self.intake.room():
                self.again.clear()
                await self.again.wait()


class Busy:
    """Gives the event loop a millisecond's work in each of its turns, and calls `each_turn` in it."""

    def __init__(self, each_turn: Callable[[], None]) -> None:
        self._each_turn = each_turn
        self._over = False

    def _turn(self) -> None:
        if not self._over:
            until = time.perf_counter() + 0.001
            while time.perf_counter() < until:
                pass
            self._each_turn()
            asyncio.get_running_loop().call_soon(self._turn)

    async def __aenter__(self) -> None:
        self._turn()

    async def __aexit__(self, *_: object) -> None:
        self._over = True


async def test_attempts_that_end_in_their_first_step_begin_in_great_numbers() -> None:
    process = Process()
    for _ in range(20):
        assert process.intake.room() == MOST
        process.begin(MOST, end_at_once=True)
        await asyncio.sleep(0)


async def test_few_begin_where_they_linger() -> None:
    process = Process()
    process.end(await process.fill())
    for _ in range(10):
        process.end(await process.fill())
    assert await process.fill() < 20


async def test_many_begin_again_once_they_end_in_their_first_step() -> None:
    process = Process()
    for _ in range(10):
        process.end(await process.fill())
    for _ in range(10):
        process.begin(process.intake.room(), end_at_once=True)
        await asyncio.sleep(0)
    assert process.intake.room() == MOST


async def test_one_begins_for_each_that_ends_while_the_process_is_busy() -> None:
    process = Process()
    for _ in range(10):
        process.end(await process.fill())
    most = await process.fill()
    ends = 0

    def replace_one() -> None:
        nonlocal ends
        process.end(1)
        ends += 1
        assert process.intake.room() == 1
        process.begin(1)

    async with Busy(replace_one):
        async with asyncio.timeout(30):
            while ends < 200:
                await asyncio.sleep(0)
        assert await process.fill() <= most + 1


async def test_others_begin_when_those_under_way_leave_the_process_idle() -> None:
    process = Process()
    under_way = await process.fill()
    for _ in range(5):
        await process.until_room()
        under_way, before = await process.fill(), under_way
        assert under_way > before


async def test_others_begin_in_a_busy_process_when_nothing_ends() -> None:
    process = Process()
    await process.fill()
    async with Busy(lambda: None):
        await process.until_room()


async def test_those_that_keep_nobody_do_not_make_room_again_by_ending() -> None:
    process = Process()
    first = await process.fill()
    await process.until_room()
    await process.fill()
    process.end(first)
    assert process.intake.room() == 0
    process.intake.close()


async def test_nothing_is_looked_at_after_the_end() -> None:
    process = Process()
    await process.fill()
    process.intake.close()
    await asyncio.sleep(0.01)  # five times as long as until the next look
    assert not process.again.is_set()
