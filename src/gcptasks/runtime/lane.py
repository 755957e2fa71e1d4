"""One queue as the dispatcher has it in memory: what is due soon, what is under way, what may start.

Only tasks that are due soon are here, at most `_MOST` of them; the rest waits in the database. What is here are hints:
leasing a task decides from the file whether it is there and due.
"""

import heapq
from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from gcptasks.engine import rates
from gcptasks.engine.model import Queue, QueueState
from gcptasks.store.due import BEGINNING, Due
from gcptasks.store.times import from_us, to_us

_LOOKAHEAD = timedelta(seconds=10)
_BATCH = 1000
_MOST = 4 * _BATCH
_LAST = 2**63 - 1


class Window(NamedTuple):
    """A part of a queue's tasks, in the order of when they are due."""

    after: Due
    until: int
    """Microseconds since 1970; those that are due by then."""
    most: int


class Lane:
    """The due tasks of one queue, its tokens, and its attempts under way.

    `arrived`, `ended`, `forced` and their like tell it what has happened.
    """

    def __init__(self, queue: Queue, now: datetime) -> None:
        self.queue = queue
        self.under_way: Counter[int] = Counter()
        self.next_look_at: datetime | None = None
        """When `Lanes` looks here again, if nothing happens before."""
        self._open = 0
        self._again: dict[int, Due] = {}
        self._bucket = rates.full(queue.rate_limits, now)
        self._due: list[Due] = []
        self._loaded_to = BEGINNING

    def reread(self) -> None:
        """Forget what is due soon, so that it is read from the database again."""
        self._due = []
        self._loaded_to = BEGINNING

    def arrived(self, due: Due) -> None:
        """A task is new, or due at another time."""
        if due.number in self.under_way:
            # The attempt that has just failed, or another one beside it, is not over here yet.
            self._again[due.number] = due
        elif due <= self._loaded_to:
            heapq.heappush(self._due, due)
            if len(self._due) > _MOST:
                self._shorten()

    def wants(self, now: datetime) -> Window | None:
        """What to read from the database; None if enough is here."""
        if self.queue.state is not QueueState.RUNNING or len(self._due) > _BATCH // 4:
            return None
        if self._loaded_to.at >= to_us(now + _LOOKAHEAD / 2):
            return None
        return Window(self._loaded_to, to_us(now + _LOOKAHEAD), _BATCH)

    def loaded(self, found: list[Due], window: Window) -> None:
        """What was found in the window that this lane wanted."""
        for due in found:
            heapq.heappush(self._due, due)
        self._loaded_to = found[-1] if len(found) == window.most else Due(window.until, _LAST)

    def take(self, now: datetime, most: int) -> list[int]:
        """The numbers of up to `most` tasks that may start now, oldest first; each counts as under way."""
        if self.queue.state is not QueueState.RUNNING or not self._due:
            return []
        limits = self.queue.rate_limits
        self._bucket = rates.refilled(self._bucket, limits, now)
        free = limits.max_concurrent_dispatches - self._open
        taken = self._pop(to_us(now), min(most, free, rates.whole_tokens(self._bucket)))
        self._bucket = rates.taken(self._bucket, len(taken))
        self._open += len(taken)
        return taken

    def ended(self, number: int, *, forced: bool) -> None:
        """An attempt is over, or did not come about."""
        self.under_way[number] -= 1
        if self.under_way[number] <= 0:
            del self.under_way[number]
            again = self._again.pop(number, None)
            if again is not None:
                self.arrived(again)
        if not forced:
            self._open -= 1

    def forced(self, number: int) -> None:
        """RunTask starts an attempt, whatever the limits are (CT-216)."""
        self.under_way[number] += 1

    def next_at(self, now: datetime) -> datetime:
        """When there may be something to do here, if nothing happens before."""
        if self.queue.state is not QueueState.RUNNING:
            return now + _LOOKAHEAD
        if self._due and self._open < self.queue.rate_limits.max_concurrent_dispatches:
            token_at = rates.next_at(self._bucket, self.queue.rate_limits)
            return max(from_us(self._due[0].at), token_at)
        return now + _LOOKAHEAD / 2

    def changed(self, queue: Queue, now: datetime) -> None:
        """The queue's settings or state are now these."""
        self._bucket = rates.refilled(self._bucket, queue.rate_limits, now)
        self.queue = queue

    def _pop(self, now: int, most: int) -> list[int]:
        taken: list[int] = []
        while len(taken) < most and self._due and self._due[0].at <= now:
            number = heapq.heappop(self._due).number
            # A task under way is not started again; if that attempt fails, the task arrives anew.
            if number not in self.under_way:
                self.under_way[number] += 1
                taken.append(number)
        return taken

    def _shorten(self) -> None:
        """Keep only what is due first; the database has the rest."""
        self._due = heapq.nsmallest(_BATCH, self._due)
        self._loaded_to = self._due[-1]
