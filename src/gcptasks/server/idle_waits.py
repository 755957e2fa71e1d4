"""Waiting until nothing is left to do."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from gcptasks.base.clock import Clock
from gcptasks.base.errors import Unavailable
from gcptasks.base.names import QueueName
from gcptasks.base.running_loop import running_loop
from gcptasks.server.other_writes import OtherWrites
from gcptasks.service import outstanding
from gcptasks.service.outstanding import Left, UnderWay, Until
from gcptasks.store.store import Store

_LOOK_EVERY = 0.05
"""Seconds after which it is looked whether another process has written, or an attempt has ended whose task was gone:
these tell nobody."""
_BETWEEN = 0.01
"""Seconds at least between two looks at the database, however much happens."""
_OTHERS = 10
"""How many times as long as a look took the database is left to others: with thousands of queues it takes a while."""
_STOPS = "The service is stopping, and delivers no more."


class IdleWaits:
    """Lets coroutines of one event loop wait until a store, or one queue of it, is empty or idle."""

    def __init__(self, store: Store, clock: Clock, under_way: Callable[[], UnderWay]) -> None:
        self._store = store
        self._clock = clock
        self._under_way = under_way
        self._stopped = False
        self._changed = set[asyncio.Event]()

    def go_on(self) -> None:
        """Let them wait again, after a stop."""
        self._stopped = False

    def stop(self) -> None:
        """Let nobody wait any more: what is left now stays."""
        self._stopped = True
        for changed in self._changed:
            changed.set()

    def left(self, queue: QueueName | None) -> Left:
        """What is left in that queue, or at all. `NotFound` if there is no such queue."""
        if queue is not None:
            self._store.read(outstanding.check_queue, queue)
        return self._left(queue, reached=True)

    async def wait(
        self, queue: QueueName | None, until: Until, seconds: float, wanted: Callable[[], bool] = lambda: True
    ) -> Left:
        """What is left once that is reached, or that time is over, or it is not `wanted` any more.

        `NotFound` if there is no such queue; one that is deleted meanwhile is empty. `Unavailable` at a stop.
        """
        if queue is not None:
            self._store.read(outstanding.check_queue, queue)
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        unsubscribe = self._store.events.subscribe(_setter(changed, loop))
        self._changed.add(changed)
        try:
            reached = await self._reach(queue, until, loop.time() + seconds, changed, wanted)
        finally:
            self._changed.discard(changed)
            unsubscribe()
        return self._left(queue, reached=reached)

    async def _reach(
        self, queue: QueueName | None, until: Until, end: float, changed: asyncio.Event, wanted: Callable[[], bool]
    ) -> bool:
        loop = asyncio.get_running_loop()
        others = OtherWrites(self._store)
        others.wrote()
        while not self._stopped:
            changed.clear()
            began = loop.time()
            if self._is_reached(queue, until):
                return True
            if loop.time() >= end or not wanted():
                return False
            next_look_at = loop.time() + max(_BETWEEN, _OTHERS * (loop.time() - began))
            busy = self._under_way().has(queue)
            while not (changed.is_set() or others.wrote() or busy != self._under_way().has(queue)):
                if loop.time() >= end or not wanted():
                    break
                await _sleep(changed, min(_LOOK_EVERY, end - loop.time()))
            await asyncio.sleep(max(next_look_at - loop.time(), 0))
        raise Unavailable(_STOPS)

    def _is_reached(self, queue: QueueName | None, until: Until) -> bool:
        if self._under_way().has(queue):
            return False
        return not self._store.read(outstanding.has_outstanding, queue, until, self._clock.now())

    def _left(self, queue: QueueName | None, *, reached: bool) -> Left:
        found = self._store.read(outstanding.outstanding, queue, self._clock.now())
        return Left(reached, found, self._under_way().of(queue))


def _setter(changed: asyncio.Event, loop: asyncio.AbstractEventLoop) -> Callable[[object], None]:
    """What sets it, in whichever thread it is called."""

    def set_it(_: object) -> None:
        if running_loop() is loop:
            changed.set()
        else:
            with suppress(RuntimeError):  # of a loop that was closed
                loop.call_soon_threadsafe(changed.set)

    return set_it


async def _sleep(wake: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        pass
