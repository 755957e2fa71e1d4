"""The scheduler: runs jobs at their times, and makes their retries.

It is the only one that does so for its database (see `leader`), and begins with what the one before it left: attempts
that were cut off, and scheduled times that nobody ran. Its attempts are delivered as those of tasks are.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from datetime import datetime, timedelta
from functools import partial

from gcptasks.base.clock import Clock
from gcptasks.base.names import JobName
from gcptasks.base.running_loop import running_loop
from gcptasks.runtime.attempts import Attempts
from gcptasks.runtime.loop import Loop
from gcptasks.runtime.targets.target import Target
from gcptasks.service import scheduling
from gcptasks.service.policy import Policy
from gcptasks.store.executions import Begun
from gcptasks.store.store import Store
from gcptasks.store.tx import Changes, Tx
from gcptasks.store.writer import NotNow

_log = logging.getLogger("gcptasks")

_AT_A_TIME = 100
"""How many are begun in one transaction: so few that no event loop is held for more than some milliseconds."""
_UNDER_WAY = 20_000
"""Attempts at a time, also such as wait for a connection: so many that jobs whose workers hang leave others a place.

Others wait for their turn: each is begun, if late, and none is skipped for that.
"""
_LOOK_AT_LEAST_EVERY = timedelta(minutes=1)
_SET_BACK = timedelta(seconds=1)


class Scheduler(Loop):
    """Runs the jobs of a store, by sending their attempts to a target."""

    trouble = "the scheduler cannot use the database; it tries again"
    _now: datetime
    """What the clock said at the last look."""
    _begins_at: datetime | None
    """When this began, as long as what the one before has left is not put right."""
    _next_at: datetime | None
    """When the next is due, as far as is known."""
    _looks: bool
    """Whether something may be due that `_next_at` does not know of."""

    def __init__(self, store: Store, target: Target, clock: Clock, policy: Policy) -> None:
        super().__init__(clock)
        self._store = store
        self._target = target
        self._policy = policy

    async def run_once(self) -> datetime:
        """Begin what is due, and say when to look again."""
        now = self._clock.now()
        if self._begins_at is not None:
            await self._take_over(self._begins_at)
            self._begins_at = None
        if now < self._now - _SET_BACK:
            await self._note_clock_set_back(now)
        self._now = now
        if self._next_at is not None and self._next_at <= now:
            self._looks = True
        if self._looks:
            self._looks = False
            try:
                await self._begin_due(now)
            except BaseException:
                self._looks = True
                raise
        latest = now + _LOOK_AT_LEAST_EVERY
        return latest if self._next_at is None else min(self._next_at, latest)

    def look(self) -> None:
        """Look what is due, as another process may have written to the database."""
        if self._begun:
            self._look_at_once()

    def under_way(self) -> Counter[JobName]:
        """How many attempts are under way in this process, by job."""
        return Counter(begun.name for begun in self._attempts.under_way()) if self._begun else Counter()

    async def _begin(self) -> None:
        self._attempts: Attempts[Begun] = Attempts(
            self._store,
            self._target,
            self._clock,
            outgoing=partial(scheduling.outgoing, self._policy.app_engine),
            large_outgoing=partial(scheduling.large_outgoing, self._policy.app_engine),
            wanted=scheduling.wanted,
            acknowledge=partial(scheduling.acknowledge, policy=self._policy),
            over=self._over,
            give_back=self._give_back,
        )
        self._loop = asyncio.get_running_loop()
        self._under_way = 0
        self._begins_at = self._now = self._clock.now()
        self._next_at, self._looks = None, True
        self._unwatch = self._store.watch(self._changed)
        await super()._begin()

    async def _end(self, grace: timedelta) -> None:
        until = self._loop.time() + grace.total_seconds()
        self._unwatch()
        try:
            await super()._end(grace)
            await self._attempts.over_by(until)
        finally:
            await self._attempts.cut_off()

    async def _take_over(self, began_at: datetime) -> None:
        """Put right what the one before has left, bit by bit."""
        behind: int | None = 0
        while behind is not None:
            behind = await self._store.write_unsynced(
                scheduling.end_cut_off, behind, began_at, _AT_A_TIME, self._policy
            )
        await self._recheck()
        while await self._store.write_unsynced(scheduling.skip_missed, began_at, _AT_A_TIME):
            pass

    async def _note_clock_set_back(self, now: datetime) -> None:
        """No scheduled time is run twice, so jobs wait for theirs, however far ahead; an interval begins anew."""
        _log.warning(
            "the clock was set back by %s: scheduled times that were run are not run again; intervals begin anew",
            self._now - now,
        )
        await self._recheck()
        self._looks = True

    async def _recheck(self) -> None:
        behind: int | None = 0
        while behind is not None:
            # By the time of now: that of the beginning would move an interval that was made since.
            behind = await self._store.write_unsynced(scheduling.recheck, behind, self._clock.now(), _AT_A_TIME)

    async def _begin_due(self, now: datetime) -> None:
        room = _UNDER_WAY - self._under_way
        self._next_at = self._store.read(scheduling.next_due, attempts=room > 0)
        if self._next_at is None or self._next_at > now:
            return
        try:
            begun = self._store.write_unsynced_now(scheduling.begin, now, _AT_A_TIME, room)
        except NotNow:
            begun = await self._store.write_unsynced(scheduling.begin, now, _AT_A_TIME, room)
        self._under_way += len(begun)
        self._attempts.begin(begun)

    def _over(self, begun: list[Begun]) -> None:
        """These attempts are over, so others may take their places."""
        self._under_way -= len(begun)
        self._look_at_once()

    def _give_back(self, tx: Tx, begun: list[Begun]) -> None:
        scheduling.give_back(tx, begun, self._clock.now())

    def _changed(self, changes: Changes) -> None:
        """The store says what was committed, in whichever thread that was."""
        if not changes.jobs:
            return
        if running_loop() is self._loop:
            self._look_at_once()
        else:
            # A loop that was closed without a stop has no scheduler any more.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._look_at_once)

    def _look_at_once(self) -> None:
        self._looks = True
        self._wake.set()
