"""All queues as the dispatcher has them in memory, and which of them to look at now.

A lane is looked at when something happened to it or when its time has come, so an idle queue costs nothing.
"""

import heapq
from datetime import datetime

from gcptasks.base.names import QueueName
from gcptasks.engine.model import Queue
from gcptasks.runtime.lane import Lane
from gcptasks.service import dispatch
from gcptasks.service.dispatch import Wanted
from gcptasks.store.due import Due
from gcptasks.store.store import Store


class Lanes:
    """The lanes of a store's queues."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lanes: dict[QueueName, Lane] = {}
        self._ready: dict[QueueName, None] = {}
        self._times: list[tuple[datetime, QueueName]] = []

    def load(self, now: datetime) -> None:
        """Have a lane for each queue that there is, with its settings and state."""
        queues = {queue.name: queue for queue in self._store.read(dispatch.all_queues)}
        for gone in self._lanes.keys() - queues.keys():
            del self._lanes[gone]
        for queue in queues.values():
            self._set(queue, now)

    def reread(self) -> None:
        """Forget what is due soon, so that it is read from the database again."""
        for name, lane in self._lanes.items():
            lane.reread()
            self._ready[name] = None

    def arrived(self, queue: QueueName, due: Due) -> None:
        """A task is new, or due at another time."""
        if (lane := self._lanes.get(queue)) is not None:
            lane.arrived(due)
            self._ready[queue] = None

    def forced(self, queue: QueueName, number: int) -> None:
        """RunTask starts an attempt of that task."""
        if (lane := self._lanes.get(queue)) is not None:
            lane.forced(number)

    def ended(self, queue: QueueName, number: int, *, forced: bool) -> None:
        """An attempt is over, or did not come about."""
        lane = self._lanes.get(queue)
        if lane is not None and number in lane.under_way:
            lane.ended(number, forced=forced)
            self._ready[queue] = None

    def take(self, now: datetime, most: int) -> Wanted:
        """Up to `most` tasks that may start now, each queue with something to start having its share."""
        while self._times and self._times[0][0] <= now:
            self._ready[heapq.heappop(self._times)[1]] = None
        ready, self._ready = self._ready, {}
        lanes = {name: lane for name in ready if (lane := self._lanes.get(name)) is not None}
        try:
            # All are read before any is taken: what is taken counts as under way, and a read may fail.
            for name, lane in lanes.items():
                if (ask := lane.wants(now)) is not None:
                    lane.loaded(self._store.read(dispatch.due_tasks, name, *ask), ask[1])
        except BaseException:
            self._ready |= ready
            raise
        return self._shared_out(lanes, now, most)

    def next_at(self, now: datetime) -> datetime | None:
        """When there may be something to do, if nothing happens before; None if never."""
        if self._ready:
            return now
        return self._times[0][0] if self._times else None

    def _shared_out(self, lanes: dict[QueueName, Lane], now: datetime, most: int) -> Wanted:
        wanted: Wanted = {}
        share = max(most // max(len(lanes), 1), 1)
        for name, lane in lanes.items():
            numbers = lane.take(now, share) if most > 0 else []
            most -= len(numbers)
            if numbers:
                wanted[name] = numbers
            self._look_again(name, lane, now)
        return wanted

    def _look_again(self, name: QueueName, lane: Lane, now: datetime) -> None:
        at = lane.next_at(now)
        if at <= now:
            self._ready[name] = None
        elif lane.looked_at_next is None or not now < lane.looked_at_next <= at:
            lane.looked_at_next = at
            heapq.heappush(self._times, (at, name))

    def _set(self, queue: Queue, now: datetime) -> None:
        lane = self._lanes.get(queue.name)
        if lane is None:
            self._lanes[queue.name] = Lane(queue, now)
        else:
            lane.changed(queue, now)
        self._ready[queue.name] = None
