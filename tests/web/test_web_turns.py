"""Turns at what holds the event loop."""

import asyncio

import pytest

from gcptasks.web.turns import Turns


async def test_turns_are_taken_one_at_a_time() -> None:
    turns, busy, done = Turns(), list[int](), list[int]()

    async def work(number: int) -> None:
        async with turns.turn():
            busy.append(number)
            await asyncio.sleep(0)
            assert busy == [number]
            busy.clear()
        done.append(number)

    await asyncio.gather(*map(work, range(10)))
    assert done == list(range(10))


async def test_the_next_turn_comes_after_one_that_failed() -> None:
    turns = Turns()
    for _ in range(2):
        with pytest.raises(ValueError, match="x"):
            async with turns.turn():
                raise ValueError("x")
