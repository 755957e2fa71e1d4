"""Waiting by the clock of the machine, which somebody may set while we wait."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gcptasks.base.clock import SystemClock
from still_loop import run_still

START = datetime(2030, 1, 1, tzinfo=UTC)


class SetClock(SystemClock):
    """The clock of the machine, which is set by `jump` after `after` seconds."""

    def __init__(self, after: float = 0.0, jump: timedelta = timedelta(0)) -> None:
        self._after = after
        self._jump = jump

    def now(self) -> datetime:
        passed = asyncio.get_running_loop().time()
        return START + timedelta(seconds=passed) + (self._jump if passed > self._after else timedelta(0))


async def waited(clock: SystemClock, span: timedelta, *, woken_after: float | None = None) -> float:
    """How many seconds a wait for so long takes, by the time that nobody sets."""
    wake = asyncio.Event()
    if woken_after is not None:
        asyncio.get_running_loop().call_later(woken_after, wake.set)
    await clock.wait(wake, clock.now() + span)
    assert not wake.is_set()
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("after", "jump", "seconds"),
    [
        pytest.param(0.0, timedelta(0), 600.0, id="nobody sets it"),
        pytest.param(100.5, timedelta(hours=1), 101.0, id="forward"),
        pytest.param(100.5, timedelta(minutes=1), 540.0, id="forward a little"),
        pytest.param(100.5, timedelta(hours=-1), 600.0, id="back"),
    ],
)
def test_a_clock_that_is_set_makes_no_wait_longer(after: float, jump: timedelta, seconds: float) -> None:
    took = run_still(waited(SetClock(after, jump), timedelta(minutes=10)))
    assert took == pytest.approx(seconds, abs=0.001)


def test_who_is_woken_waits_no_longer() -> None:
    assert run_still(waited(SetClock(), timedelta(minutes=10), woken_after=7.0)) == pytest.approx(7.0)


@pytest.mark.parametrize("span", [timedelta(0), timedelta(days=-1)])
def test_a_time_that_has_come_is_not_waited_for_but_others_have_their_turn(span: timedelta) -> None:
    turns = list[str]()

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(turns.append, "another's")
        await SetClock().wait(asyncio.Event(), START + span)
        turns.append("ours")

    run_still(wait())
    assert turns == ["another's", "ours"]
