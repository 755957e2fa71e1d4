"""An event loop whose time stands still while there is anything to do, and otherwise jumps to the next timer.

So deadlines of many seconds pass in no time, and two of them can be made to fall into one turn of the loop. For tests
in which nothing comes from outside of the loop: no other process, thread or socket.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from loops import LOOP, begun_at_once

R = TypeVar("R")


class _Selector(selectors.DefaultSelector):
    """Does not wait: says instead how long it was to wait."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None:
            self.waited += timeout
        return ready


class StillLoop(asyncio.SelectorEventLoop):
    """Begins at time 0."""

    def __init__(self) -> None:
        self._still = _Selector()
        super().__init__(self._still)
        if LOOP == "eager":
            begun_at_once(self)

    def time(self) -> float:
        return self._still.waited


def run_still(work: Coroutine[Any, Any, R]) -> R:
    """What `work` returns, run on a loop of this kind."""
    with asyncio.Runner(loop_factory=StillLoop) as runner:
        return runner.run(work)
