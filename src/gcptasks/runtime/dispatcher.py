"""The dispatcher: leases what is due, delivers it, and acknowledges how it ended.

It is the only one that delivers from its database (see `lead`). Leases and acknowledgements are written in batches,
whatever came together in one turn of the event loop.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from gcptasks.base.clock import Clock
from gcptasks.base.names import QueueName
from gcptasks.engine.delivery import attempt_headers
from gcptasks.engine.model import Reply
from gcptasks.runtime.lane import Lane
from gcptasks.runtime.targets.target import Outgoing, Target
from gcptasks.service import dispatch
from gcptasks.service.dispatch import Ended, Wanted
from gcptasks.store.leases import Leased
from gcptasks.store.store import Store
from gcptasks.store.tx import Changes

_log = logging.getLogger("gcptasks")

_AT_A_TIME = 100
"""How many tasks of one queue start before the other queues have their turn."""
_OTHERS_LOOK = timedelta(milliseconds=50)
"""How often to look whether another process has written."""
_AFTER_AN_ERROR = timedelta(seconds=1)


class Dispatcher:
    """Delivers the due tasks of a store to a target, from `start` to `stop`."""

    def __init__(self, store: Store, target: Target, clock: Clock) -> None:
        self._store = store
        self._target = target
        self._clock = clock
        self._lanes: dict[QueueName, Lane] = {}
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._stopping = False
        self._attempts: set[asyncio.Task[None]] = set()
        self._acknowledgements: set[asyncio.Task[None]] = set()
        self._ended: list[tuple[Ended, bool]] = []
        self._queues_changed = True
        self._forced = True
        self._data_version: int | None = None
        self._looked_at: datetime | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unwatch = self._store.watch(self._changed)
        self._running = self._loop.create_task(self._run())

    async def stop(self, grace: timedelta) -> None:
        """Start nothing more and wait for what is under way; what takes longer is left to the next start."""
        if self._running is None:
            return
        until = self._loop.time() + grace.total_seconds()
        running, self._running = self._running, None
        self._unwatch()
        self._stopping = True
        self._wake.set()
        try:
            # Not cancelled at once: an attempt that is counted already is still begun.
            await self._over_by(until, running)
            while self._under_way and self._loop.time() < until:
                await self._over_by(until, *self._under_way)
        finally:
            await self._cut_off(running)

    @property
    def _under_way(self) -> set[asyncio.Task[None]]:
        return self._attempts | self._acknowledgements

    async def _over_by(self, until: float, *tasks: asyncio.Task[None]) -> None:
        await asyncio.wait(tasks, timeout=max(until - self._loop.time(), 0))

    async def _cut_off(self, running: asyncio.Task[None]) -> None:
        if self._attempts:
            _log.warning("stopping: %d attempts took too long and are left to the next start", len(self._attempts))
        if self._acknowledgements:
            _log.warning("stopping: how some attempts ended is not written yet, so the next start repeats them")
        cut_off = {running, *self._under_way}
        for task in cut_off:
            task.cancel()
        await asyncio.wait(cut_off)

    async def _run(self) -> None:
        while not self._stopping:
            try:
                until = await self.run_once()
            except Exception:  # such as StoreError; nobody else sees to it that this goes on
                _log.exception("the dispatcher cannot use the database; it tries again")
                until = self._clock.now() + _AFTER_AN_ERROR
                self._reread()
            if not self._stopping:
                await self._clock.wait(self._wake, until)

    async def run_once(self) -> datetime:
        """Start what is due, and say when there is more to do if nothing happens before."""
        now = self._clock.now()
        self._notice_others(now)
        if self._queues_changed:
            self._load_queues(now)
        await self._start_forced(now)
        wanted = self._take(now)
        if wanted:
            await self._start(wanted, now)
        return self._next_at(now)

    def _notice_others(self, now: datetime) -> None:
        """See whether another process has written, and if so read again what is due soon."""
        if self._store.location.path is None:
            return
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < _OTHERS_LOOK:
            return
        version = self._store.data_version()
        if version is None:
            return
        self._looked_at = now
        if version != self._data_version:
            self._data_version = version
            self._reread()

    def _reread(self) -> None:
        self._queues_changed = self._forced = True
        for lane in self._lanes.values():
            lane.reread()

    def _load_queues(self, now: datetime) -> None:
        self._queues_changed = False
        queues = self._store.read(dispatch.all_queues)
        for gone in self._lanes.keys() - {queue.name for queue in queues}:
            del self._lanes[gone]
        for queue in queues:
            lane = self._lanes.get(queue.name)
            if lane is None:
                self._lanes[queue.name] = Lane(queue, now)
            else:
                lane.changed(queue, now)

    def _take(self, now: datetime) -> Wanted:
        # All are read before any is taken: what is taken counts as under way, and a read may fail.
        for name, lane in self._lanes.items():
            ask = lane.wants(now)
            if ask is not None:
                lane.loaded(self._store.read(dispatch.due_tasks, name, *ask), ask[1])
        return {name: numbers for name, lane in self._lanes.items() if (numbers := lane.take(now, _AT_A_TIME))}

    async def _start(self, wanted: Wanted, now: datetime) -> None:
        leased: list[Leased] = []
        try:
            leased = await self._store.write_soft(dispatch.lease, wanted, now)
        finally:
            begun = {one.number for one in leased}
            for name, numbers in wanted.items():
                for number in numbers:
                    if number not in begun:
                        self._over(name, number, forced=False)
        self._attempt_all(leased, forced=False)

    async def _start_forced(self, now: datetime) -> None:
        if not self._forced:
            return
        self._forced = False
        leased = await self._store.write_soft(dispatch.lease_forced, now)
        for one in leased:
            lane = self._lanes.get(one.task.name.queue)
            if lane is not None:
                lane.forced(one.number)
        self._attempt_all(leased, forced=True)

    def _attempt_all(self, leased: Iterable[Leased], *, forced: bool) -> None:
        for one in leased:
            attempt = self._loop.create_task(self._attempt(one, forced=forced))
            self._attempts.add(attempt)
            attempt.add_done_callback(self._attempts.discard)

    async def _attempt(self, leased: Leased, *, forced: bool) -> None:
        try:
            reply = await self._target.send(_outgoing(leased))
        except Exception:
            _log.exception("the attempt of %s failed in the dispatcher itself", leased.task.name)
            reply = Reply(status=0, reason="the dispatcher failed; its log says why")
        if not self._ended:
            # Begun in the next turn of the loop, so that what ends in this one is written together.
            task = self._loop.create_task(self._acknowledge())
            self._acknowledgements.add(task)
            task.add_done_callback(self._acknowledgements.discard)
        self._ended.append((Ended(leased, reply, self._clock.now()), forced))

    async def _acknowledge(self) -> None:
        """Write down how attempts ended, and let others take their places."""
        ended, self._ended = self._ended, []
        while True:
            try:
                await self._store.write_soft(dispatch.acknowledge, [one for one, _ in ended])
                break
            except Exception:  # such as StoreError; nobody else sees to it that this is tried again
                _log.exception("how %d attempts ended cannot be written; it is tried again", len(ended))
                await asyncio.sleep(_AFTER_AN_ERROR.total_seconds())
        for one, forced in ended:
            self._over(one.leased.task.name.queue, one.leased.number, forced=forced)
        self._wake.set()

    def _over(self, queue: QueueName, number: int, *, forced: bool) -> None:
        lane = self._lanes.get(queue)
        if lane is not None and number in lane.under_way:
            lane.ended(number, forced=forced)

    def _next_at(self, now: datetime) -> datetime:
        times = [lane.next_at(now) for lane in self._lanes.values()]
        if self._store.location.path is not None:
            times.append(now + _OTHERS_LOOK)
        return min(times, default=now + timedelta(seconds=60))

    def _changed(self, changes: Changes) -> None:
        """The store says what was committed, in whichever thread that was."""
        if _in_loop(self._loop):
            self._note(changes)
        else:
            # A loop that was closed without a stop has no dispatcher any more.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._note, changes)

    def _note(self, changes: Changes) -> None:
        self._queues_changed |= changes.queues
        self._forced |= changes.forced
        for queue, due in changes.arrivals:
            lane = self._lanes.get(queue)
            if lane is not None:
                lane.arrived(due)
        self._wake.set()


def _outgoing(leased: Leased) -> Outgoing:
    task = leased.task
    return Outgoing(
        method=task.request.method,
        url=task.request.url,
        headers=attempt_headers(task, leased.previous_status),
        body=task.request.body,
        deadline=task.dispatch_deadline,
    )


def _in_loop(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
