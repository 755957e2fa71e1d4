"""How many attempts may begin now, where the app they go to shares this process.

An attempt that waits for the interpreter helps nobody, and costs: its deadline runs, and so does the garbage collector,
again and again, through the hundred objects that FastAPI has made for it by then. So a busy process ends what it has
begun before it begins much more.

What waits for something else, as for a database, a lock or another service, keeps nobody: once the event loop is found
with nothing to do, or nothing has ended for a while, what is under way counts no more, and others begin.
"""

import asyncio
import time
from collections.abc import Callable

MOST = 100
"""How many attempts begin before the event loop has its turn, in which many of them end."""
_FEWEST = 8
_LOOK_AFTER = 0.002
"""Seconds after which to look again whether attempts that are held back may begin."""
_TURNS = 5
_IDLE = 0.00025
"""Seconds in which an event loop takes so many turns if it has nothing to do, and no thread has the interpreter."""
_PATIENCE = 10
"""After so many looks without an end, others begin though the process is busy."""


class Intake:
    """Counts the attempts under way, by the wave in which they began. Those of earlier waves count no more.

    `again` is called when attempts that were held back may begin.
    """

    def __init__(self, again: Callable[[], None]) -> None:
        self._again = again
        self._most = MOST
        self.wave = 0
        """What begins now is of this wave."""
        self._under_way = 0
        """Of this wave."""
        self._looks = 0
        """Since the last one of this wave ended."""
        self._timer: asyncio.TimerHandle | None = None

    def room(self) -> int:
        """How many may begin now. If none may, `again` comes."""
        room = self._most - self._under_way
        if room > 0:
            return room
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_AFTER, self._look)
        return 0

    def begun(self, attempts: int) -> None:
        """So many begin, each in a task that was just made."""
        self._under_way += attempts
        if attempts >= _FEWEST:
            asyncio.get_running_loop().call_soon(self._adapt, self._under_way, attempts)

    def ended(self, wave: int) -> None:
        """One of that wave has ended."""
        if wave == self.wave:
            self._under_way -= 1
            self._looks = 0

    def close(self) -> None:
        """Call no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _adapt(self, under_way: int, begun: int) -> None:
        """Let many begin at once if they end at once, as a coroutine does that waits for nothing, and few otherwise."""
        if under_way - self._under_way > begun // 2:
            self._most = min(2 * self._most, MOST)
        else:
            self._most = max(self._most // 2, _FEWEST)

    def _look(self) -> None:
        self._looks += 1
        if self._looks > _PATIENCE:
            self._go_on(idle=True)
        else:
            self._take_turns(time.perf_counter() + _IDLE, _TURNS)

    def _take_turns(self, until: float, turns: int) -> None:
        if time.perf_counter() > until:
            self._go_on(idle=False)
        elif turns == 0:
            self._go_on(idle=True)
        else:
            asyncio.get_running_loop().call_soon(self._take_turns, until, turns - 1)

    def _go_on(self, *, idle: bool) -> None:
        self._timer = None
        if idle:
            self.wave += 1
            self._under_way = self._looks = 0
            self._most = min(2 * self._most, MOST)
        self._again()
