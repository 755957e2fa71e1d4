"""The attempts that are under way, from the lease to the acknowledgement."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from gcptasks.base.clock import Clock
from gcptasks.engine.delivery import attempt_headers
from gcptasks.engine.model import Reply
from gcptasks.runtime.targets.target import Outgoing, Target
from gcptasks.service import dispatch
from gcptasks.service.dispatch import Ended
from gcptasks.store.leases import Leased
from gcptasks.store.store import Store
from gcptasks.store.writer import NotNow

_log = logging.getLogger("gcptasks")

_AFTER_AN_ERROR = timedelta(seconds=1)

Over = Callable[[list[Leased], bool], None]
"""Told which attempts are over and written down, and whether they were forced."""


class Attempts:
    """Delivers leased tasks, each in an asyncio task of its own, and writes down how they ended, many at a time."""

    def __init__(self, store: Store, target: Target, clock: Clock, over: Over) -> None:
        self._store = store
        self._target = target
        self._clock = clock
        self._over = over
        self._running: dict[asyncio.Task[None], _Attempt] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._ended: dict[bool, list[Ended]] = {False: [], True: []}

    def begin(self, leased: Iterable[Leased], *, forced: bool) -> None:
        """Deliver these."""
        loop = asyncio.get_running_loop()
        for one in leased:
            attempt = _Attempt(one, partial(self._answered, forced))
            self._running[loop.create_task(self._deliver(attempt))] = attempt

    async def over_by(self, until: float) -> None:
        """Wait until all are over and written down, or that time of the loop has come."""
        loop = asyncio.get_running_loop()
        while (left := self._running.keys() | self._writing) and loop.time() < until:
            await asyncio.wait(left, timeout=until - loop.time())
            # What has just ended is written down in the next turn.
            await asyncio.sleep(0)

    async def cut_off(self) -> None:
        """Cancel what is not over."""
        if late := sum(not attempt.over for attempt in self._running.values()):
            _log.warning("stopping: %d attempts took too long and are left to the next start", late)
        if self._writing:
            _log.warning("stopping: how some attempts ended is not written yet, so the next start repeats them")
        if cut_off := self._running.keys() | self._writing:
            for task in cut_off:
                task.cancel()
            await asyncio.wait(cut_off)

    async def _deliver(self, attempt: "_Attempt") -> None:
        try:
            await self._target.send(_outgoing(attempt.leased), attempt.answered)
        except Exception:
            _log.exception("the attempt of %s failed in the dispatcher itself", attempt.leased.task.name)
            attempt.answered(Reply(status=0, reason="the dispatcher failed; its log says why"))
        finally:
            # A callback of the task would do, and cost a turn of the loop for each.
            task = asyncio.current_task()
            assert task is not None
            del self._running[task]

    def _answered(self, forced: bool, leased: Leased, reply: Reply) -> None:
        ended = self._ended[forced]
        if not ended:
            # In the next turn of the loop, so that what ends in this one is written together.
            asyncio.get_running_loop().call_soon(self._acknowledge, forced)
        ended.append(Ended(leased, reply, self._clock.now()))

    def _acknowledge(self, forced: bool) -> None:
        """Write down how attempts ended, and let others take their places."""
        ended, self._ended[forced] = self._ended[forced], []
        try:
            self._store.write_unsynced_now(dispatch.acknowledge, ended)
        except Exception as error:
            if not isinstance(error, NotNow):
                _log.exception("how %d attempts ended cannot be written; it is tried again", len(ended))
            _track(self._writing, self._acknowledge_later(ended, forced=forced, at_once=isinstance(error, NotNow)))
        else:
            self._over([one.leased for one in ended], forced)

    async def _acknowledge_later(self, ended: list[Ended], *, forced: bool, at_once: bool) -> None:
        while True:
            if not at_once:
                await asyncio.sleep(_AFTER_AN_ERROR.total_seconds())
            try:
                await self._store.write_unsynced(dispatch.acknowledge, ended)
                break
            except Exception:  # such as StoreError; nobody else sees to it that this is tried again
                _log.exception("how %d attempts ended cannot be written; it is tried again", len(ended))
            at_once = False
        self._over([one.leased for one in ended], forced)


def _track(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


class _Attempt:
    """One attempt, and whether how it ended is known."""

    __slots__ = ("_tell", "leased", "over")

    def __init__(self, leased: Leased, tell: Callable[[Leased, Reply], None]) -> None:
        self.leased = leased
        self.over = False
        self._tell = tell

    def answered(self, reply: Reply) -> None:
        if not self.over:
            self.over = True
            self._tell(self.leased, reply)


def _outgoing(leased: Leased) -> Outgoing:
    task = leased.task
    return Outgoing(
        method=task.request.method,
        url=task.request.url,
        headers=attempt_headers(task, leased.previous_status),
        body=task.request.body,
        deadline=task.dispatch_deadline,
    )
