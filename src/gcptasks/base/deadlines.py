"""Deadlines that hardly anything comes to, since they are far away when they are set."""

import asyncio
from abc import ABC, abstractmethod
from math import ceil


class Expiring(ABC):
    """What has a deadline."""

    __slots__ = ("loop", "others", "timer", "until")

    loop: asyncio.AbstractEventLoop
    until: float
    """The deadline, a time of the loop."""
    timer: asyncio.TimerHandle | None
    """Its own, once the deadline is near; None at first."""
    others: "set[Expiring] | None"
    """Those with which it shares a timer until then, itself among them; None at first."""

    @abstractmethod
    def expire(self) -> None:
        """Hear that the deadline has passed."""


class Deadlines:
    """Tells whoever is still there at its deadline.

    A timer of the loop for each would cost more than all else about a deadline. So those within one second share a
    timer, and when that second begins, each that is left gets one of its own.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seconds: dict[int, set[Expiring]] = {}
        """Who waits for a second that has not begun."""

    def add(self, one: Expiring) -> None:
        """Tell this one at its deadline, unless it is removed before."""
        if one.loop is not self._loop:
            # The timers of another loop are gone with it.
            self._loop, self._seconds = one.loop, {}
        second = ceil(one.until) - 1
        waiting = self._seconds.get(second)
        if waiting is None:
            if second <= one.loop.time():
                self._set_timer(one)
                return
            waiting = self._seconds[second] = set()
            one.loop.call_at(second, self._begin, second)
        waiting.add(one)
        one.others = waiting

    def remove(self, one: Expiring) -> None:
        """Leave this one alone from now on."""
        if one.timer is not None:
            one.timer.cancel()
        elif one.others is not None:
            one.others.discard(one)

    def _begin(self, second: int) -> None:
        left = self._seconds.pop(second)
        for one in left:
            self._set_timer(one)
        left.clear()

    def _set_timer(self, one: Expiring) -> None:
        one.timer = one.loop.call_at(one.until, one.expire)
