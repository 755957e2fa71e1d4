"""All queues as the dispatcher has them in memory, and which of them to look at now.

A lane is looked at when something happened to it or when its time has come. What happened is applied to its own lane,
and one question finds the queues that have something due soon. So an idle queue costs next to nothing, and one more
queue costs the same however many there are.

At a start, and when what is in memory may be wrong, all queues are read, some in each step, so that none holds the
event loop for long; what is read may start meanwhile.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile

from gcptasks.base.names import QueueName
from gcptasks.runtime.lane import HORIZON_EVERY, Horizon, Lane
from gcptasks.runtime.other_writers import Others
from gcptasks.service import dispatch
from gcptasks.service.dispatch import Known, Takeover, Wanted
from gcptasks.store.leases import WITH_THE_LEASE, Leased
from gcptasks.store.queues import StoredQueue
from gcptasks.store.statements import NewTask
from gcptasks.store.store import Store
from gcptasks.store.tx import Changes

_NEWS = 1000
"""New tasks of others that are read in one step."""
_PORTION = 250
"""Queues that are read in one step, when all are."""
_READ = 4000
"""Due tasks that are read in one step, more or less."""
_LANE = 20
"""What a lane's reading costs, in tasks."""


@dataclass(slots=True)
class _Reading:
    """How far the reading of all queues has come."""

    number: int = 0
    """Of the last queue that was read."""
    unseen: set[QueueName] = field(default_factory=set[QueueName])
    """Queues that were there before, and were not read yet."""


class Lanes:
    """The lanes of a store's queues."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lanes: dict[QueueName, Lane] = {}
        self._names: dict[int, QueueName] = {}
        """Of the lanes, by their queues' numbers in the database."""
        self._ready: dict[QueueName, None] = {}
        self._times: list[tuple[datetime, QueueName]] = []
        self._horizon = Horizon()
        self._horizon_at: datetime | None = None
        """When the horizon moves; None: at once, and all queues are read anew."""
        self._changed: dict[QueueName, None] = {}
        self._known = Known(0, 0)
        self._takeover: Takeover | None = None
        self._reading: _Reading | None = None
        self._shared = store.database.path is not None
        self._own: set[int] = set()
        """Tasks that were told here, and would be found again among what others wrote."""
        self._others_wrote = False
        self._forced = True
        self._looked_at: datetime | None = None

    def reread(self) -> None:
        """Forget what the database may know better, so that it is read again."""
        self._horizon_at = None

    def note(self, changes: Changes) -> None:
        """These were committed."""
        self._changed.update(dict.fromkeys(changes.queues))
        self._forced |= changes.forced
        for queue, due in changes.arrivals:
            if self._shared:
                self._own.add(due.number)
            if (lane := self._lanes.get(queue)) is not None:
                lane.arrived(due)
                self._ready[queue] = None

    def begun(self, wanted: Wanted, leased: list[Leased]) -> None:
        """Of what was taken, the attempts of these tasks begin; the others did not come about."""
        begun = {one.number for one in leased if not one.forced}
        self.not_begun({queue: set(numbers) - begun for queue, numbers in wanted.tasks.items()})
        for one in leased:
            if one.forced and (lane := self._lanes.get(one.queue.name)) is not None:
                lane.forced(one.number)

    def own(self, begun: list[Leased]) -> None:
        """These were created and begun here, so they are no news."""
        if self._shared:
            self._own.update(one.number for one in begun)

    def not_begun(self, numbers: Mapping[QueueName, Iterable[int]]) -> None:
        """Of what was taken, the attempts of these tasks did not come about."""
        for queue, of_queue in numbers.items():
            for number in of_queue:
                if (lane := self._lane_of(queue, number)) is not None:
                    lane.not_begun(number)

    def over(self, leased: list[Leased]) -> None:
        """These attempts are over."""
        for one in leased:
            if (lane := self._lane_of(one.queue.name, one.number)) is not None:
                lane.ended(one.number, forced=one.forced)

    def take(self, now: datetime, most: int, others: Others) -> Wanted:
        """Up to `most` tasks that may start now: a share for each queue with something to start.

        Queues for which there is no room come first the next time.
        """
        if self._looked_at is not None and now < self._looked_at:
            # The clock was set back: the times at which lanes get tokens, and are looked at, are farther off than they
            # were, so all count from now on.
            self.reread()
        self._looked_at = now
        self._learn(now, others)
        wanted = Wanted(self._take_due(now, most), self._forced, self._takeover)
        self._forced = False
        return wanted

    def take_new(
        self, new: list[NewTask], find: Callable[[QueueName], StoredQueue | None], now: datetime, most: int
    ) -> list[NewTask]:
        """Up to `most` of the tasks that are being created, in order: those that start at once.

        None of a queue in which others may come first, and none whose body is read when it is sent. `find` knows the
        queues as they are in the transaction: what has changed them may be told here later.
        """
        if self._changed or (self._looked_at is not None and now < self._looked_at):
            return []  # what happened before is to be seen first
        due: dict[QueueName, list[NewTask]] = {}
        for one in new:
            if one.task.scheduled_at <= now:
                due.setdefault(one.task.name.queue, []).append(one)
        started: list[NewTask] = []
        for name, tasks in due.items():
            if (lane := self._lanes.get(name)) is not None and lane.is_of(find(name)):
                small = list(takewhile(_is_read_with_the_lease, tasks))
                taken = lane.take_new([one.number for one in small], now, most - len(started))
                started += small[: len(taken)]
        return started

    def next_at(self, now: datetime) -> datetime | None:
        """When there may be something to do, if nothing happens before; None if never."""
        if self._ready or self._forced or self._changed or self._others_wrote or self._reading:
            return now
        if self._horizon_at is None:
            return now
        return min(self._horizon_at, self._times[0][0]) if self._times else self._horizon_at

    def _learn(self, now: datetime, others: Others) -> None:
        """Have here what the database has that is new."""
        if self._horizon_at is None:
            self._begin_reading(now)
        elif others is Others.WROTE:
            self._others_wrote = self._forced = True
        if self._others_wrote:
            self._load_news(now)
        elif self._own and others is Others.SILENT:
            self._know(replace(self._known, last_task=max(self._known.last_task, *self._own)))
        while self._changed:
            name = next(iter(self._changed))
            self._set(name, self._store.read(dispatch.queue_named, name), now)
            del self._changed[name]
        if self._horizon_at is not None and now >= self._horizon_at:
            self._move_horizon(now)
        if self._reading is not None:
            self._read_on(self._reading, now)

    def _begin_reading(self, now: datetime) -> None:
        """Have all queues read, as they are from now on; what is newer than this is told, or found as news."""
        self._know(self._store.read(dispatch.newest))
        if self._takeover is None:
            self._takeover = Takeover(now, self._known.last_task)
        self._others_wrote, self._forced = False, True
        self._reading = _Reading(unseen=set(self._lanes))
        self._horizon.move(now)
        self._horizon_at = now + HORIZON_EVERY

    def _read_on(self, reading: _Reading, now: datetime) -> None:
        """Have a lane for each of the next queues, with its settings and state, and whether something is due."""
        found = self._store.read(dispatch.queues_after, reading.number, self._horizon.end.at, _PORTION)
        for stored in found.queues:
            name = stored.queue.name
            self._set(name, stored, now)
            lane = self._lanes[name]
            lane.reread()
            if stored.number not in found.due:
                lane.nothing_is_due()
            reading.unseen.discard(name)
            reading.number = stored.number
        if len(found.queues) < _PORTION:
            self._reading = None
            for gone in reading.unseen:
                self._set(gone, None, now)

    def _load_news(self, now: datetime) -> None:
        """Have here what other processes wrote."""
        found = self._store.read(dispatch.news, self._known, _NEWS)
        for stored in found.queues:
            self._set(stored.queue.name, stored, now)
        for number, due in found.tasks:
            if due.number not in self._own and (name := self._names.get(number)) is not None:
                self._lanes[name].arrived(due)
                self._ready[name] = None
        self._others_wrote = found.more
        self._know(found.known, keep_own=found.more)

    def _know(self, known: Known, *, keep_own: bool = False) -> None:
        self._known = known
        if not keep_own:
            self._own.clear()

    def _move_horizon(self, now: datetime) -> None:
        before = self._horizon.end
        self._horizon.move(now)
        for number in self._store.read(dispatch.queues_due, before.at, self._horizon.end.at):
            if (name := self._names.get(number)) is not None:
                self._lanes[name].fall_behind(before)
                self._ready[name] = None
        self._horizon_at = now + HORIZON_EVERY
        if self._reading is None and self._store.read(dispatch.count_queues) < len(self._lanes):
            self.reread()  # another process deleted one, which nothing else tells

    def _take_due(self, now: datetime, most: int) -> dict[QueueName, list[int]]:
        if not most:
            return {}
        while self._times and self._times[0][0] <= now:
            self._ready[heapq.heappop(self._times)[1]] = None
        ready, self._ready = self._ready, {}
        lanes: dict[QueueName, Lane] = {}
        work = 0
        try:
            # All are read before any is taken: what is taken counts as under way, and a read may fail.
            for name in ready:
                if (lane := self._lanes.get(name)) is None:
                    continue
                if (window := lane.wants()) is not None:
                    if work > _READ:
                        # The others have their turn in the next step, before these come again.
                        self._ready = {other: None for other in ready if other not in lanes}
                        break
                    found = self._store.read(dispatch.due_tasks, name, *window)
                    lane.loaded(found, window)
                    work += _LANE + len(found)
                lanes[name] = lane
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
        if at is None:
            return
        if at <= now:
            self._ready[name] = None
        elif lane.next_look_at is None or not now < lane.next_look_at <= at:
            lane.next_look_at = at
            heapq.heappush(self._times, (at, name))

    def _lane_of(self, queue: QueueName, number: int) -> Lane | None:
        """Where that attempt is under way, which is looked at next; None if its queue is gone."""
        lane = self._lanes.get(queue)
        if lane is None or number not in lane.under_way:
            return None
        self._ready[queue] = None
        return lane

    def _set(self, name: QueueName, stored: StoredQueue | None, now: datetime) -> None:
        """The queue is this now, or gone."""
        lane = self._lanes.get(name)
        if lane is not None:
            self._names.pop(lane.number, None)
        if stored is None:
            self._lanes.pop(name, None)
            return
        if lane is None:
            self._lanes[name] = Lane(stored, self._horizon, now)
        else:
            lane.changed(stored, now)
        self._names[stored.number] = name
        self._ready[name] = None


def _is_read_with_the_lease(new: NewTask) -> bool:
    return len(new.task.request.body) <= WITH_THE_LEASE
