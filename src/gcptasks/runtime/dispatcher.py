"""The dispatcher: leases what is due, delivers it, and acknowledges how it ended.

It is the only one that delivers from its database (see `leader`). What it does at a time is one step, and a step does
not wait: it is taken at once, in the turn of the loop in which something happened, so that a task that is due when it
is created starts right after its commit. The loop beside it waits for what comes with time.

One thing a step may have to wait for, which is the database, when somebody else is writing. Then the loop goes on with
that step, and no other is taken until what this one took has been leased.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import TypeVar

from gcptasks.base.clock import Clock
from gcptasks.base.names import QueueName
from gcptasks.base.running_loop import running_loop
from gcptasks.runtime.attempts import Attempts
from gcptasks.runtime.intake import MOST, Intake
from gcptasks.runtime.lanes import Lanes
from gcptasks.runtime.loop import Loop
from gcptasks.runtime.other_writers import Others, OtherWriters
from gcptasks.runtime.targets.target import Target
from gcptasks.service import dispatch
from gcptasks.service.dispatch import Wanted
from gcptasks.service.leased_records import Workers
from gcptasks.store.leases import Leased
from gcptasks.store.statements import NewTask
from gcptasks.store.store import Store
from gcptasks.store.tx import Changes, Tx
from gcptasks.store.writer import NotNow

T = TypeVar("T")

_log = logging.getLogger("gcptasks")

_LOOK_AT_LEAST_EVERY = timedelta(minutes=1)


class _Step(Enum):
    """Where the dispatcher is. A step is taken from IDLE alone."""

    IDLE = auto()
    RUNNING = auto()
    """It runs now; what it commits is told here as well."""
    WAITING = auto()
    """What it took is to be leased once the database may be written."""


class Dispatcher(Loop):
    """Delivers the due tasks of a store to a target, those for App Engine to the address `app_engine`.

    It looks whether other processes write, for others as well: `others_wrote` is called when they did. Attempts of the
    `workers` of this process are recorded as they are leased and acknowledged. If its target `shares_process`, attempts
    begin as `Intake` says.
    """

    trouble = "the dispatcher cannot use the database; it tries again"

    def __init__(
        self,
        store: Store,
        target: Target,
        clock: Clock,
        *,
        app_engine: str | None = None,
        others_wrote: Callable[[], None] = lambda: None,
        workers: Workers | None = None,
        shares_process: bool = False,
    ) -> None:
        super().__init__(clock)
        self._store = store
        self._target = target
        self._app_engine = app_engine
        self._others_wrote = others_wrote
        self._workers = workers
        self._shares_process = shares_process

    async def run_once(self) -> datetime:
        """Take a step, or go on with one that waits, and say when the next is needed."""
        self._take_step()
        if self._step is _Step.WAITING:
            await self._lease_later()
            return self._clock.now()
        return self._next_at

    def begin_new(self, tx: Tx) -> None:
        """Have what is due when it is created written as begun, where this loop creates it and there is room for it."""
        if self._step is not _Step.IDLE or self._stopping or running_loop() is not self._loop:
            return
        room = self._room()
        if not room:
            return
        now = self._clock.now()
        started = self._lanes.take_new(tx.tasks.unwritten, tx.queues.find, now, room)
        if started:
            tx.begins_alone = self._attempts.idle
            try:
                dispatch.begin_new(tx, started, now, self._workers)
            except BaseException:
                self._lanes.not_begun(_by_queue(started))
                raise

    def begun(self, leased: list[Leased]) -> None:
        """Deliver these, whose transaction is committed."""
        self._on_the_loop(self._start_new, leased)

    def not_begun(self, leased: list[Leased]) -> None:
        """The transaction that created these came to nothing, so they cost no token."""
        self._on_the_loop(self._give_back_new, leased)

    def under_way(self) -> Counter[QueueName]:
        """How many attempts are under way in this process, by queue."""
        return Counter(leased.owner for leased in self._attempts.under_way()) if self._begun else Counter()

    async def _begin(self) -> None:
        # What a stop cut off is under way no more, so nothing of what was in memory holds.
        self._lanes = Lanes(self._store)
        self._intake = Intake(self._step_at_once) if self._shares_process else None
        self._attempts = Attempts(
            self._store,
            self._target,
            self._clock,
            outgoing=partial(dispatch.outgoing, self._app_engine),
            large_outgoing=partial(dispatch.large_outgoing, self._app_engine),
            wanted=dispatch.wanted,
            acknowledge=dispatch.acknowledge,
            over=self._over,
            give_back=dispatch.give_back,
            intake=self._intake,
        )
        self._others = OtherWriters(self._store)
        self._wanted = Wanted()
        self._step = _Step.IDLE
        self._next_at = self._clock.now()
        self._loop = asyncio.get_running_loop()
        self._unwatch = self._store.watch(self._changed)
        self._leave_new = self._store.start_with(self)
        await super()._begin()

    async def _end(self, grace: timedelta) -> None:
        until = self._loop.time() + grace.total_seconds()
        self._unwatch()
        try:
            # An attempt that is counted already is still begun.
            await super()._end(grace)
            await self._attempts.over_by(until)
        finally:
            self._leave_new()
            await self._attempts.cut_off()
            if self._intake is not None:
                self._intake.close()

    def _take_step(self) -> None:
        """Start what may start now, and set `_next_at`."""
        if self._step is not _Step.IDLE or self._stopping:
            return
        self._step = _Step.RUNNING
        now = self._clock.now()
        try:
            others = self._others.look(now)
            if others is Others.WROTE:
                self._others_wrote()
            room = self._room()
            self._wanted = self._lanes.take(now, room, others)
            if self._wanted:
                self._start(self._store.write_unsynced_now(dispatch.lease, self._wanted, now, self._workers))
            self._next_at = self._next_look(now, held_back=not room)
            self._step = _Step.IDLE
        except NotNow:
            self._step = _Step.WAITING
        except Exception:  # such as StoreError; nobody else sees to it that this goes on
            self._fail()

    async def _lease_later(self) -> None:
        """Finish the step that waits, once the database may be written."""
        try:
            now = self._clock.now()
            self._start(await self._store.write_unsynced(dispatch.lease, self._wanted, now, self._workers))
            self._step = _Step.IDLE
        except Exception:
            self._fail()

    def _start(self, leased: list[Leased]) -> None:
        wanted, self._wanted = self._wanted, Wanted()
        self._lanes.begun(wanted, leased)
        self._attempts.begin(leased)

    def _fail(self) -> None:
        _log.exception(self.trouble)
        self._lanes.begun(self._wanted, [])
        self._lanes.reread()
        self._next_at = self._clock.now() + self.after_trouble
        self._step = _Step.IDLE

    def _over(self, leased: list[Leased]) -> None:
        """These attempts are over, so others may take their places."""
        self._lanes.over(leased)
        self._step_at_once()

    def _changed(self, changes: Changes) -> None:
        """The store says what was committed, in whichever thread that was."""
        self._on_the_loop(self._note, changes)

    def _on_the_loop(self, tell: Callable[[T], None], what: T) -> None:
        if running_loop() is self._loop:
            tell(what)
        else:
            # A loop that was closed without a stop has no dispatcher any more.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(tell, what)

    def _note(self, changes: Changes) -> None:
        self._lanes.note(changes)
        self._step_at_once()

    def _start_new(self, leased: list[Leased]) -> None:
        self._lanes.own(leased)
        self._attempts.begin(_each_once(leased))

    def _give_back_new(self, leased: list[Leased]) -> None:
        self._lanes.not_begun(_by_queue(leased))
        self._step_at_once()

    def _step_at_once(self) -> None:
        awaited = self._next_at
        self._take_step()
        if self._next_at < awaited or self._step is _Step.WAITING:
            self._wake.set()

    def _room(self) -> int:
        return MOST if self._intake is None else self._intake.room()

    def _next_look(self, now: datetime, *, held_back: bool) -> datetime:
        at = None if held_back else self._lanes.next_at(now)
        latest = now + _LOOK_AT_LEAST_EVERY
        return self._others.look_by(latest if at is None else min(at, latest), now)


def _each_once(leased: list[Leased]) -> Iterator[Leased]:
    """Those of which nobody was told: a call that was interrupted tells again."""
    for one in leased:
        if not one.started:
            one.started = True
            yield one


def _by_queue(tasks: Iterable[NewTask | Leased]) -> dict[QueueName, list[int]]:
    numbers: dict[QueueName, list[int]] = {}
    for one in tasks:
        numbers.setdefault(one.task.name.queue, []).append(one.number)
    return numbers
