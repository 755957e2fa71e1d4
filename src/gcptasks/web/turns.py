"""Turns at what holds the event loop for long, so that the loop is there for others in between."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_LONG = 0.005
"""Seconds that nobody minds."""
_OTHERS = 3
"""How many times as long as a turn took the loop is left to others."""


class Turns:
    """One at a time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """A turn, which the block must not leave to others; the next one comes some time after a long one."""
        loop = asyncio.get_running_loop()
        await self._lock.acquire()
        began = loop.time()
        try:
            yield
        finally:
            took = loop.time() - began
            if took < _LONG:
                self._lock.release()
            else:
                loop.call_later(_OTHERS * took, self._lock.release)
