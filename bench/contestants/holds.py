"""How long an event loop is held: how much longer than it asked for a task was away that sleeps over and over."""

import asyncio
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

SLEEP = 0.001

Times = tuple[float, float]
"""From when to when, on the machine's monotonic clock."""


class Hold(NamedTuple):
    """The loop did not come back to what was due, for so many seconds."""

    until: float
    """On the machine's monotonic clock."""
    seconds: float
    waited: float
    """Seconds of these in which the loop's thread was ready to run and had no core."""


async def watch(holds: list[Hold]) -> None:
    """Note the holds of this loop until this is cancelled."""
    with waited_for_a_core() as waited:
        last, waited_before = monotonic(), waited()
        while True:
            await asyncio.sleep(SLEEP)
            now, waited_now = monotonic(), waited()
            seconds = max(now - last - SLEEP, 0.0)
            holds.append(Hold(now, seconds, min(waited_now - waited_before, seconds)))
            last, waited_before = now, waited_now


@contextmanager
def waited_for_a_core() -> Generator[Callable[[], float]]:
    """Gives what tells how many seconds this thread has waited for a core; 0 where the system does not say."""
    try:
        told = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except OSError:
        yield lambda: 0.0
        return
    try:
        yield lambda: int(os.pread(told, 100, 0).split()[1]) / 1e9
    finally:
        os.close(told)


def write(holds: list[Hold], file: Path) -> None:
    """Leave them to another process."""
    file.write_text(json.dumps(holds))


def read(file: Path) -> list[Hold]:
    """What another process has left."""
    return [Hold(*each) for each in json.loads(file.read_text())]


def figures(holds: list[Hold], during: Times) -> dict[str, float]:
    """Milliseconds that the loop was held at most meanwhile, also without what others of the machine took."""
    first, last = during
    meant = [hold for hold in holds if first <= hold.until <= last]
    own = sorted(hold.seconds - hold.waited for hold in meant)
    return {
        "hold": own[-1] * 1e3,
        "p99.9": own[int(len(own) * 0.999)] * 1e3,
        "with waiting": max(hold.seconds for hold in meant) * 1e3,
    }
