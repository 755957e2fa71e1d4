"""A lock for threads and event loops alike."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable

_Callback = Callable[[asyncio.AbstractEventLoop], None]


class LoopLock:
    """A thread waits for the lock; an event loop does not, it is called once the lock may be had."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turned_away: deque[tuple[asyncio.AbstractEventLoop, _Callback]] = deque()

    def acquire(self) -> None:
        """Have the lock, however long another thread has it."""
        self._lock.acquire()

    def try_acquire(self) -> bool:
        """Have the lock, if nobody has it now."""
        return self._lock.acquire(blocking=False)

    def acquire_or_call(self, loop: asyncio.AbstractEventLoop, callback: _Callback) -> bool:
        """Have the lock now, or have `callback(loop)` called on the loop once it is let go."""
        if self.try_acquire():
            return True
        self.call_when_free(loop, callback)
        # It may have been let go before we were on the list.
        return self.try_acquire()

    def call_when_free(self, loop: asyncio.AbstractEventLoop, callback: _Callback) -> None:
        self._turned_away.append((loop, callback))

    def release(self) -> None:
        """Let go of the lock, and call those who were turned away while it was held."""
        self._lock.release()
        while self._turned_away:
            try:
                loop, callback = self._turned_away.popleft()
                loop.call_soon_threadsafe(callback, loop)
            except IndexError:
                return  # another thread was faster
            except RuntimeError:
                pass  # closed: nobody waits there, and what was left is committed with the next
