"""One queue as the dispatcher has it in memory: what is due soon, what is under way, what may start.

Only tasks that are due soon are here, at most `_MOST` of them; the rest waits in the database. What is here are hints:
leasing a task decides from the file whether it is there and due.
"""

import heapq
from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from gcptasks.engine import rates
from gcptasks.engine.model import QueueState
from gcptasks.store.due import BEGINNING, Due
from gcptasks.store.queues import StoredQueue
from gcptasks.store.times import from_us, to_us

_LOOKAHEAD = timedelta(seconds=10)
HORIZON_EVERY = _LOOKAHEAD / 2
_BATCH = 1000
_MOST = 4 * _BATCH
_LAST = 2**63 - 1


class Window(NamedTuple):
    """A part of a queue's tasks, in the order of when they are due."""

    after: Due
    until: int
    """Microseconds since 1970; those that are due by then."""
    most: int


class Horizon:
    """Up to when the tasks of all lanes are read, but of those that are behind."""

    __slots__ = ("end",)

    def __init__(self) -> None:
        self.end = BEGINNING

    def move(self, now: datetime) -> None:
        """Have it at some seconds from now."""
        self.end = Due(to_us(now + _LOOKAHEAD), _LAST)


class Lane:
    """The due tasks of one queue, its tokens, and its attempts under way.

    `arrived`, `ended`, `forced` and their like tell it what has happened.
    """

    def __init__(self, stored: StoredQueue, horizon: Horizon, now: datetime) -> None:
        self.number = stored.number
        self.queue = queue = stored.queue
        self.under_way: Counter[int] = Counter()
        self.next_look_at: datetime | None = None
        """When `Lanes` looks here again, if nothing happens before."""
        self._open = 0
        self._again: dict[int, Due] = {}
        self._bucket = rates.full(queue.rate_limits, now)
        self._due: list[Due] = []
        self._horizon = horizon
        self._behind: Due | None = BEGINNING
        """Up to where its tasks are read, if not to the horizon."""

    def reread(self) -> None:
        """Forget what is due soon, so that it is read from the database again."""
        self._due = []
        self._behind = BEGINNING

    def nothing_is_due(self) -> None:
        """There is nothing up to the horizon, in a queue that runs."""
        if self.queue.state is QueueState.RUNNING:
            self._due = []
            self._behind = None

    def fall_behind(self, end: Due) -> None:
        """There is something beyond the horizon of before, which ended there."""
        if self._behind is None:
            self._behind = end

    def arrived(self, due: Due) -> None:
        """A task is new, or due at another time."""
        if due.number in self.under_way:
            # The attempt that has just failed, or another one beside it, is not over here yet.
            self._again[due.number] = due
        elif due <= (self._behind or self._horizon.end):
            heapq.heappush(self._due, due)
            if len(self._due) > _MOST:
                self._shorten()

    def wants(self) -> Window | None:
        """What to read from the database; None if enough is here."""
        if self._behind is None or self.queue.state is not QueueState.RUNNING or len(self._due) > _BATCH // 4:
            return None
        return Window(self._behind, self._horizon.end.at, _BATCH)

    def loaded(self, found: list[Due], window: Window) -> None:
        """What was found in the window that this lane wanted."""
        for due in found:
            heapq.heappush(self._due, due)
        self._behind = found[-1] if len(found) == window.most else None

    def take(self, now: datetime, most: int) -> list[int]:
        """The numbers of up to `most` tasks that may start now, oldest first; each counts as under way."""
        if self.queue.state is not QueueState.RUNNING or not self._due:
            return []
        taken = self._pop(to_us(now), self._places(now, most))
        self._took(len(taken))
        return taken

    def take_new(self, numbers: list[int], now: datetime, most: int) -> list[int]:
        """Those of these new tasks, which are due, that may start now, up to `most`; each counts as under way."""
        if self.queue.state is not QueueState.RUNNING or self._has_due(to_us(now)):
            return []
        taken = numbers[: self._places(now, most)]
        self.under_way.update(taken)
        self._took(len(taken))
        return taken

    def is_of(self, stored: StoredQueue | None) -> bool:
        """Whether that is the queue as it is known here."""
        return stored is not None and stored.number == self.number and stored.queue == self.queue

    def _has_due(self, now: int) -> bool:
        """Whether a task may be due already, here or unread."""
        return (self._behind is not None and self._behind.at <= now) or (bool(self._due) and self._due[0].at <= now)

    def _places(self, now: datetime, most: int) -> int:
        """How many tasks may start now, at most `most`."""
        limits = self.queue.rate_limits
        self._bucket = rates.refilled(self._bucket, limits, now)
        return min(most, limits.max_concurrent_dispatches - self._open, rates.whole_tokens(self._bucket))

    def _took(self, tasks: int) -> None:
        self._bucket = rates.taken(self._bucket, tasks)
        self._open += tasks

    def ended(self, number: int, *, forced: bool) -> None:
        """An attempt is over."""
        self.under_way[number] -= 1
        if self.under_way[number] <= 0:
            del self.under_way[number]
            again = self._again.pop(number, None)
            if again is not None:
                self.arrived(again)
        if not forced:
            self._open -= 1

    def not_begun(self, number: int) -> None:
        """What was taken was not sent after all, so it costs no token."""
        self._bucket = rates.given_back(self._bucket, 1)
        self.ended(number, forced=False)

    def forced(self, number: int) -> None:
        """RunTask starts an attempt, whatever the limits are (CT-216)."""
        self.under_way[number] += 1

    def next_at(self, now: datetime) -> datetime | None:
        """When there may be something to do here, if nothing happens before; None if never."""
        if self.queue.state is not QueueState.RUNNING:
            return None
        if not self._due:
            return None if self._behind is None else now
        if self._open >= self.queue.rate_limits.max_concurrent_dispatches:
            return None
        return max(from_us(self._due[0].at), rates.next_at(self._bucket, self.queue.rate_limits))

    def changed(self, stored: StoredQueue, now: datetime) -> None:
        """The queue's settings or state are now these."""
        # Up to now tokens came at the rate of before.
        until_now = rates.refilled(self._bucket, self.queue.rate_limits, now)
        self._bucket = rates.refilled(until_now, stored.queue.rate_limits, now)
        if stored.number != self.number or self.queue.state is not QueueState.RUNNING:
            # Other tasks since a purge; and while it did not run nobody looked what is due.
            self.reread()
        self.number, self.queue = stored.number, stored.queue

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
        self._behind = self._due[-1]
