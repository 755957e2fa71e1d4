"""A lock for threads and event loops alike, which is not lost with a call that was interrupted.

Who has it is told by the frame of the call that took it. If that call ended without letting go, because an exception
came from outside at a bad moment, the next one takes over, and is told so: it has to put right what was left.

Nobody depends on being called: whoever waits looks again after a short time. To be called only makes it faster.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType

from gcptasks.base.errors import StoreError
from gcptasks.base.running_call import RunningCall

_Callback = Callable[[asyncio.AbstractEventLoop], None]

_LOOK_AGAIN = 0.05
"""Seconds."""
NEXT = "next"
UNTIL_AFTER_FORK = 3600.0
"""Seconds for which a lock is kept over a fork: far longer than one takes."""


class Hold(RunningCall):
    """The lock, had by a call: until it is let go, or the call ends without that."""

    __slots__ = ("_kept_until", "over", "successor", "torn")

    def __init__(self, frame: FrameType | None, *, over: bool = False) -> None:
        self._frame = frame  # no `super`, for the time it takes: each commit has one
        self._kept_until = 0.0
        self.over = over
        """The lock was let go."""
        self.torn = False
        """The one before had ended without letting go, in the middle of whatever it did."""
        self.successor: dict[str, Hold | None] = {}
        """Under NEXT: who had the lock after this one. A dictionary sees to it that there is one, ever, who is known in
        the very step in which he is chosen. None once he is found elsewhere: or whoever keeps this one, as a traceback
        may, would keep all that came after it."""

    def keep(self, seconds: float) -> None:
        """Have the lock beyond the end of the call, for so long at most: until another call has inherited it."""
        self._kept_until = time.monotonic() + seconds

    def lasts(self) -> bool:
        """Whether the call that has the lock still runs, or has kept it."""
        return time.monotonic() < self._kept_until if self._kept_until else self.runs()


class LoopLock:
    """A thread waits for the lock; an event loop does not, it is called once the lock may be had.

    Each call that takes it gives its own frame.
    """

    def __init__(self) -> None:
        self._last = Hold(None, over=True)
        self._sleeping: deque[threading.Lock] = deque()
        self._turned_away: dict[asyncio.AbstractEventLoop, _Callback] = {}
        self._first: RunningCall | None = None
        """The call that goes before all others."""

    def try_acquire(self, frame: FrameType) -> Hold | None:
        """Have the lock, if nobody has it now."""
        if self._first is not None and not self._has_turn(frame):
            return None
        hold = Hold(frame)
        last = self._last
        while last.over or not last.lasts():
            torn = not last.over  # asked once it is certain that the call has ended, so it cannot be about to let go
            successor = last.successor.setdefault(NEXT, hold)
            if successor is hold:
                hold.torn = torn
                self._last = hold
                last.successor[NEXT] = None
                return hold
            last = successor or self._last
        return None

    def acquire(self, frame: FrameType, until: float = math.inf) -> Hold | None:
        """Have the lock, however long another thread has it; None if that is longer than that time (monotonic)."""
        while (hold := self.try_acquire(frame)) is None and self.wait(frame, until):
            pass
        return hold

    def acquire_first(self, frame: FrameType, until: float) -> Hold | None:
        """As `acquire`, before all who come from now on: one who has it again and again leaves no moment for others."""
        mine = RunningCall(frame)
        try:
            while (hold := self.try_acquire(frame)) is None:
                if self._first is None or not self._first.runs():
                    self._first = mine
                if not self.wait(frame, until):
                    break
            return hold
        finally:
            if self._first is mine:
                self._first = None

    def _has_turn(self, frame: FrameType) -> bool:
        """Whether no other call goes before that one."""
        first = self._first
        return first is None or first.is_of(frame) or not first.runs()

    def wait(self, frame: FrameType, until: float) -> bool:
        """Return once the lock may be had, or soon anyway; False if it is that time already (monotonic)."""
        left = until - time.monotonic()
        if left <= 0:
            return False
        last = self._last
        called = threading.Lock()
        called.acquire()
        self._sleeping.append(called)
        # It may have been let go before we were on the list.
        if (last.over and self._has_turn(frame)) or not called.acquire(timeout=min(left, _LOOK_AGAIN)):
            with contextlib.suppress(ValueError):  # whoever let go has taken it off
                self._sleeping.remove(called)
            if last.runs_below(frame):
                raise StoreError("the database is in use by the very call that was interrupted for this one")
        return True

    def acquire_or_call(self, frame: FrameType, loop: asyncio.AbstractEventLoop, callback: _Callback) -> Hold | None:
        """Have the lock now, or have `callback(loop)` called on the loop once it is let go."""
        hold = self.try_acquire(frame)
        if hold is None:
            self.call_when_free(loop, callback)
            # It may have been let go before we were on the list.
            hold = self.try_acquire(frame)
        return hold

    def inherit(self, kept: Hold, frame: FrameType) -> Hold | None:
        """Have the lock from one who has kept it for this call; None if that took too long, and another took over."""
        hold = Hold(frame)
        if kept.successor.setdefault(NEXT, hold) is not hold:
            return None
        self._last = hold
        kept.successor[NEXT] = None
        kept.end()
        return hold

    def call_when_free(self, loop: asyncio.AbstractEventLoop, callback: _Callback) -> None:
        self._turned_away[loop] = callback

    def release(self, hold: Hold) -> None:
        """Let go of the lock, and call those who wait for it: most have what they wanted, since they wait in groups."""
        hold.over = True
        while self._sleeping:
            try:
                self._sleeping.popleft().release()
            except IndexError:
                break  # another thread was faster
        while self._turned_away:
            try:
                loop, callback = self._turned_away.popitem()
                loop.call_soon_threadsafe(callback, loop)
            except KeyError:
                return  # another thread was faster
            except RuntimeError:
                pass  # closed: nobody waits there, and what was left is committed with the next
