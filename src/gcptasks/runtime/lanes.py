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
from gcptasks.store.leases import Leased
from gcptasks.store.store import Store
from gcptasks.store.tx import Changes


class Lanes:
    """The lanes of a store's queues."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lanes: dict[QueueName, Lane] = {}
        self._ready: dict[QueueName, None] = {}
        self._times: list[tuple[datetime, QueueName]] = []
        self._queues_changed = True
        self._forced = True
        self._looked_at: datetime | None = None

    def reread(self) -> None:
        """Forget what the database may know better, so that it is read again."""
        self._queues_changed = self._forced = True
        for name, lane in self._lanes.items():
            lane.reread()
            self._ready[name] = None

    def note(self, changes: Changes) -> None:
        """These were committed."""
        self._queues_changed |= changes.queues
        self._forced |= changes.forced
        for queue, due in changes.arrivals:
            if (lane := self._lanes.get(queue)) is not None:
                lane.arrived(due)
                self._ready[queue] = None

    def begun(self, wanted: Wanted, leased: list[Leased]) -> None:
        """Of what was taken, the attempts of these tasks begin; the others did not come about."""
        begun = {one.number for one in leased if not one.forced}
        for queue, numbers in wanted.tasks.items():
            for number in numbers:
                if number not in begun:
                    self._ended(queue, number, forced=False)
        for one in leased:
            if one.forced and (lane := self._lanes.get(one.queue.name)) is not None:
                lane.forced(one.number)

    def over(self, leased: list[Leased]) -> None:
        """These attempts are over."""
        for one in leased:
            self._ended(one.queue.name, one.number, forced=one.forced)

    def take(self, now: datetime, most: int, *, reread: bool) -> Wanted:
        """Up to `most` tasks that may start now: a share for each queue with something to start.

        Queues for which there is no room come first the next time.
        `reread` says that the database may know better than what is here.
        """
        if reread:
            self.reread()
        if self._looked_at is not None and now < self._looked_at:
            # The clock was set back: the times at which lanes get tokens, and are looked at, are farther off than they
            # were, so all count from now on.
            self._queues_changed = True
        self._looked_at = now
        if self._queues_changed:
            self._load(now)
        wanted = Wanted(self._take_due(now, most), self._forced)
        self._forced = False
        return wanted

    def next_at(self, now: datetime) -> datetime | None:
        """When there may be something to do, if nothing happens before; None if never."""
        if self._ready or self._forced:
            return now
        return self._times[0][0] if self._times else None

    def _load(self, now: datetime) -> None:
        """Have a lane for each queue that there is, with its settings and state."""
        queues = {queue.name: queue for queue in self._store.read(dispatch.all_queues)}
        for gone in self._lanes.keys() - queues.keys():
            del self._lanes[gone]
        for queue in queues.values():
            self._set(queue, now)
        self._queues_changed = False

    def _take_due(self, now: datetime, most: int) -> dict[QueueName, list[int]]:
        while self._times and self._times[0][0] <= now:
            self._ready[heapq.heappop(self._times)[1]] = None
        ready, self._ready = self._ready, {}
        lanes = {name: lane for name in ready if (lane := self._lanes.get(name)) is not None}
        try:
            # All are read before any is taken: what is taken counts as under way, and a read may fail.
            for name, lane in lanes.items():
                if (window := lane.wants(now)) is not None:
                    lane.loaded(self._store.read(dispatch.due_tasks, name, *window), window)
        except BaseException:
            self._ready |= ready
            raise
        return self._share_out(lanes, now, most)

    def _share_out(self, lanes: dict[QueueName, Lane], now: datetime, most: int) -> dict[QueueName, list[int]]:
        wanted: dict[QueueName, list[int]] = {}
        share = max(most // max(len(lanes), 1), 1)
        served = 0
        for name, lane in lanes.items():
            if most <= 0:
                break
            served += 1
            if numbers := lane.take(now, share):
                wanted[name] = numbers
                most -= len(numbers)
        names = list(lanes)
        # Those that were left out come first in the next step.
        for name in names[served:] + names[:served]:
            self._plan_look(name, lanes[name], now)
        return wanted

    def _plan_look(self, name: QueueName, lane: Lane, now: datetime) -> None:
        at = lane.next_at(now)
        if at <= now:
            self._ready[name] = None
        elif lane.next_look_at is None or not now < lane.next_look_at <= at:
            lane.next_look_at = at
            heapq.heappush(self._times, (at, name))

    def _ended(self, queue: QueueName, number: int, *, forced: bool) -> None:
        """An attempt is over, or did not come about."""
        lane = self._lanes.get(queue)
        if lane is not None and number in lane.under_way:
            lane.ended(number, forced=forced)
            self._ready[queue] = None

    def _set(self, queue: Queue, now: datetime) -> None:
        lane = self._lanes.get(queue.name)
        if lane is None:
            self._lanes[queue.name] = Lane(queue, now)
        else:
            lane.changed(queue, now)
        self._ready[queue.name] = None
