"""Who may have a connection: bounded for each worker and in all, so that a worker that hangs harms no other.

A worker may have as great a part of the free places as is free of all: where half are free, half as many as are free.
So one that hangs gets four in ten, those after it less and less, and of 1,000 places there is one left for another when
50 hang. Whoever finds none waits, and workers take turns.
"""

import asyncio
import logging
from collections import deque

from gcptasks.runtime.targets.address import Origin

_log = logging.getLogger("gcptasks")

_SAID_OF = 100
"""Of how many workers the log says that attempts wait for them."""


class Places:
    """`most` places, each for one connection."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = most
        self._taken: dict[Origin, int] = {}
        self._waiting: dict[Origin, deque[asyncio.Future[None]]] = {}
        self._said: set[Origin] = set()

    @property
    def free(self) -> int:
        return self._free

    def take_now(self, origin: Origin) -> bool:
        """Have a place at once, if there is one and nobody waits for it."""
        if origin in self._waiting or not self._may_have_one(origin):
            return False
        self._free -= 1
        self._taken[origin] = self._taken.get(origin, 0) + 1
        return True

    async def take(self, origin: Origin) -> None:
        """Have a place, however long that takes."""
        if self.take_now(origin):
            return
        self._say_once(origin)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(origin, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give_back(origin)
            raise

    def give_back(self, origin: Origin) -> None:
        """Let another one have the place."""
        self._free += 1
        taken = self._taken.pop(origin) - 1
        if taken:
            self._taken[origin] = taken
        if self._waiting:
            self._let_in()

    def _may_have_one(self, origin: Origin) -> bool:
        return self._taken.get(origin, 0) * self._most < self._free * self._free

    def _say_once(self, origin: Origin) -> None:
        if origin not in self._said and len(self._said) < _SAID_OF:
            self._said.add(origin)
            _log.warning(
                "attempts wait for a connection to %s: it has %d, and all workers together %d of %d",
                *(origin, self._taken.get(origin, 0), self._most - self._free, self._most),
            )

    def _let_in(self) -> None:
        while (origin := next(filter(self._may_have_one, self._waiting), None)) is not None:
            turns = self._waiting.pop(origin)
            turn = turns.popleft()
            if not turn.cancelled():
                self.take_now(origin)
                turn.set_result(None)
            if turns:
                self._waiting[origin] = turns  # behind the others
