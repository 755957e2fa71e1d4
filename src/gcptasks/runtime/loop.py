"""What goes on from `start` to `stop`: the contract, and the loop that most of it is.

Starting and stopping are harmless whenever they come: twice, in any order, at the same time, and again after a stop.
They take turns, so `stop` returns when all has stopped, whoever began that, and a start waits for a stop under way.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import ClassVar

from gcptasks.base.clock import Clock
from gcptasks.base.errors import SetupError

_log = logging.getLogger("gcptasks")


class StopLimit:
    """The time that the steps of a stop have together, from the first on that asks."""

    def __init__(self, grace: timedelta) -> None:
        self._grace = grace
        self._until: float | None = None

    def left(self) -> timedelta:
        """What is left of it."""
        now = asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + self._grace.total_seconds()
        return timedelta(seconds=max(self._until - now, 0))


class Startable(ABC):
    """Something that can be started and stopped. It says how it begins and ends, and is asked for each once."""

    def __init__(self) -> None:
        self._begun = False
        self._turn = asyncio.Lock()
        self._turn_on: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Go on until `stop`; nothing if it does already."""
        async with self._turns():
            if not self._begun:
                await self._begin()
                self._begun = True

    async def stop(self, grace: timedelta) -> None:
        """Return when it has stopped. What is under way has `grace` to end by itself, then it is cancelled."""
        async with self._turns():
            if self._begun:
                self._begun = False
                await self._end(grace)

    async def restart(self) -> None:
        """Cancel what is under way, and go on; nothing if it does not go on now."""
        async with self._turns():
            if self._begun:
                self._begun = False
                try:
                    await self._end(timedelta(0))
                finally:
                    await self._begin()
                    self._begun = True

    @abstractmethod
    async def _begin(self) -> None:
        """Begin; what it raises leaves nothing begun."""

    @abstractmethod
    async def _end(self, grace: timedelta) -> None:
        """End what `_begin` began. Cancelled, it ends all the same, at once."""

    def _turns(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._turn_on is not loop:
            if self._begun and self._turn_on is not None and not self._turn_on.is_closed():
                raise SetupError("it runs on another event loop: stop it there")
            # An event loop that was closed took along what ran on it, and whoever waited for a turn.
            self._begun, self._turn, self._turn_on = False, asyncio.Lock(), loop
        return self._turn


class Loop(Startable):
    """Calls `run_once` again and again, each time when the one before said, or when it is woken."""

    trouble: ClassVar[str]
    """What the log says when `run_once` fails."""
    after_trouble: ClassVar[timedelta] = timedelta(seconds=1)
    """How long to wait then."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._stopping = False

    def begin_no_more(self) -> None:
        """Begin nothing new from now on: a stop is about to come, which may have to wait for others first."""
        if self._begun and self._turn_on is asyncio.get_running_loop():
            self._stopping = True
            self._wake.set()

    @abstractmethod
    async def run_once(self) -> datetime:
        """Do what there is to do, and say when there is more if nothing happens before."""

    async def _begin(self) -> None:
        self._stopping = False
        self._wake = asyncio.Event()
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def _end(self, grace: timedelta) -> None:
        self._stopping = True
        self._wake.set()
        try:
            # Not cancelled at once: what it is about to write is written whole.
            await asyncio.wait([self._running], timeout=grace.total_seconds())
        finally:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        while not self._stopping:
            try:
                until = await self.run_once()
            except Exception:  # such as StoreError; nobody else sees to it that this goes on
                _log.exception(self.trouble)
                until = self._clock.now() + self.after_trouble
            if not self._stopping:
                await self._clock.wait(self._wake, until)
