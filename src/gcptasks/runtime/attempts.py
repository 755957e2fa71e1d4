"""The attempts that are under way, from the lease to the acknowledgement."""

import asyncio
import contextvars
import ctypes
import logging
from collections.abc import Callable, Coroutine, Hashable, Iterable
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar

from gcptasks.base.clock import Clock
from gcptasks.base.errors import DeliveryError
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.runtime.body_memory import BodyMemory
from gcptasks.runtime.intake import Intake
from gcptasks.runtime.targets.target import NotSent, NotWanted, Target
from gcptasks.service.dispatch import Ended
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from gcptasks.store.writer import NotNow

_log = logging.getLogger("gcptasks")

_AFTER_AN_ERROR = timedelta(seconds=1)
_CANCELLED_HAVE = timedelta(seconds=1)
"""For what was cancelled to end: some clean up, and some never end."""


class Named(Protocol):
    """What was leased: a task, or whatever else is attempted, with a name for the log."""

    @property
    def name(self) -> object: ...

    @property
    def owner(self) -> Hashable:
        """Whose part of the memory for large bodies it takes."""
        ...

    @property
    def unread(self) -> int:
        """Bytes of its body that are to be read from the database."""
        ...


L = TypeVar("L", bound=Named)
E = TypeVar("E")


class Attempts(Generic[L]):
    """Delivers what was leased, each in an asyncio task of its own, and writes down how they ended, many at a time.

    What is sent is for `outgoing` to say, or for `large_outgoing` if its body is unread. Both may raise a
    `DeliveryError`, which is how the attempt ends.
    What is written is for `acknowledge`. `over` is told what is written down. `give_back` is for what was leased and
    never sent: since a stop came before, or since it had to wait and was not `wanted` any more by then.
    Each attempt has the context variables that hold where this is made, and shares what it sets with no other.
    """

    def __init__(
        self,
        store: Store,
        target: Target,
        clock: Clock,
        *,
        outgoing: Callable[[L], Outgoing],
        large_outgoing: Callable[[Tx, L], Outgoing | None],
        wanted: Callable[[Tx, L], bool],
        acknowledge: Callable[[Tx, list[Ended[L]]], None],
        over: Callable[[list[L]], None],
        give_back: Callable[[Tx, list[L]], None],
        intake: Intake | None = None,
    ) -> None:
        self._store = store
        self._target = target
        self._clock = clock
        self._outgoing = outgoing
        self._large_outgoing = large_outgoing
        self._wanted = wanted
        self._memory = BodyMemory()
        self._acknowledge = acknowledge
        self._over = over
        self._give_back = give_back
        self._intake = intake
        self._context = contextvars.copy_context()
        self._running: dict[_Attempt[L], asyncio.Task[None]] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._ended: list[Ended[L]] = []
        self._not_sent: list[L] = []
        self._not_wanted: list[L] = []

    def begin(self, leased: Iterable[L]) -> None:
        """Deliver these."""
        # Whoever asks for a step has a context of its own, with a user or a trace in it that is nothing to the task.
        # Not by `create_task(context=…)`, which a task factory of the user's need not know.
        self._context.copy().run(self._start, leased)

    def under_way(self) -> list[L]:
        """What was leased and is not over yet."""
        return [attempt.leased for attempt in self._running if not attempt.over]

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    async def over_by(self, until: float) -> None:
        """Wait until all are over and written down, or that time of the loop has come, or the loop is ending."""
        loop = asyncio.get_running_loop()
        while (left := {*self._running.values(), *self._writing}) and loop.time() < until and not _loop_is_ending():
            await asyncio.wait(left, timeout=until - loop.time())
            # What has just ended is written down in the next turn.
            await asyncio.sleep(0)

    async def cut_off(self) -> None:
        """Cancel what is not over, and write down what is. What does not end then either is left to itself."""
        if late := sum(not attempt.over for attempt in self._running):
            _log.warning("stopping: %d attempts took too long and are left to the next start", late)
        for attempt in self._running:
            attempt.cut_off = True
        try:
            await _cancel_all(self._running.values())
        finally:
            self._abandon()
            # One that ended in this very turn of the loop is still to be written down.
            self._write_down()
            self._not_sent += self._not_wanted
            self._give_back_what_was_not_sent()
            if self._writing:
                _log.warning("stopping: how some attempts ended is not written yet, so the next start repeats them")
            await _cancel_all(self._writing)

    def _give_back_what_was_not_sent(self) -> None:
        not_sent, self._not_sent = self._not_sent, []
        if not not_sent:
            return
        try:
            self._store.write_unsynced_now(self._give_back, not_sent)
        except Exception as error:  # such as NotNow: the stop waits for nobody
            _log.warning("stopping: %d attempts that were not sent count as made: %r", len(not_sent), error)

    def _abandon(self) -> None:
        """Let go of what goes on though it was cancelled: how it ends counts no more, and nothing waits for it."""
        abandoned, self._running = self._running, {}
        for attempt, task in abandoned.items():
            if not attempt.begun:
                # Cancelled in the turn in which it was made, so that it never ran.
                self._not_sent.append(attempt.leased)
            if not task.done():
                _log.warning("stopping: the app goes on with %s though it was cancelled", attempt.leased.name)
                _leave_behind(task)
            attempt.over = True

    def _start(self, leased: Iterable[L]) -> None:
        loop = asyncio.get_running_loop()
        note_end, is_wanted, intake = self._note_end, self._is_wanted, self._intake
        wave = 0 if intake is None else intake.wave
        before = len(self._running)
        for one in leased:
            attempt = _Attempt(one, note_end, is_wanted, wave)
            self._running[attempt] = loop.create_task(self._deliver(attempt))
        if intake is not None:
            intake.begun(len(self._running) - before)

    async def _deliver(self, attempt: "_Attempt[L]") -> None:
        try:
            if attempt not in self._running:
                # An eager task factory begins it inside of `create_task`, in the midst of a step.
                await asyncio.sleep(0)
            attempt.begun = True
            if attempt.leased.unread:
                await self._send_large(attempt)
            else:
                await self._target.send(self._outgoing(attempt.leased), attempt.end, attempt.wanted)
            if not attempt.over:
                raise RuntimeError("its target said nothing")
        except asyncio.CancelledError as error:
            if attempt.cut_off or _loop_is_ending():
                if isinstance(error, NotSent) or not attempt.begun:
                    self._not_sent.append(attempt.leased)
                raise
            attempt.end(Reply(status=500, reason="the app cancelled the task in which it ran"))
            _log.exception("the attempt of %s was cancelled by its app", attempt.leased.name)
        except DeliveryError as error:
            attempt.end(Reply(status=0, reason=str(error)))
        except NotWanted:
            attempt.over = True
            self._note_not_wanted(attempt.leased)
        except Exception:
            attempt.end(Reply(status=0, reason="the dispatcher failed; its log says why"))
            _log.exception("the attempt of %s failed in the dispatcher itself", attempt.leased.name)
        finally:
            # A callback of the task would do, and cost a turn of the loop for each.
            self._forget(attempt)

    def _forget(self, attempt: "_Attempt[L]") -> None:
        self._running.pop(attempt, None)
        if self._intake is not None:
            self._intake.ended(attempt.wave)

    async def _send_large(self, attempt: "_Attempt[L]") -> None:
        leased = attempt.leased
        async with self._memory.room(leased.owner, leased.unread):
            outgoing = await self._read(leased)
            if outgoing is None or not attempt.wanted():
                raise NotWanted
            await self._target.send(outgoing, attempt.end, attempt.wanted)

    def _is_wanted(self, leased: L) -> bool:
        try:
            return self._store.read(self._wanted, leased)
        except Exception:  # such as StoreError: then it is as it was when it was leased
            _log.exception("whether %s is still to be sent cannot be read; it is sent", leased.name)
            return True

    async def _read(self, leased: L) -> Outgoing | None:
        while True:
            try:
                return self._store.read(self._large_outgoing, leased)
            except DeliveryError:
                raise
            except Exception:  # such as StoreError; an attempt that was not sent has not failed
                _log.exception("the body of %s cannot be read; it is tried again", leased.name)
            try:
                await asyncio.sleep(_AFTER_AN_ERROR.total_seconds())
            except asyncio.CancelledError:
                raise NotSent from None

    def _note_end(self, leased: L, reply: Reply) -> None:
        """An attempt has ended. What ends in one turn of the loop is written down together, in the next."""
        if not self._ended:
            asyncio.get_running_loop().call_soon(self._write_down, context=self._context)
        self._ended.append(Ended(leased, reply, self._clock.now()))

    def _note_not_wanted(self, leased: L) -> None:
        """An attempt did not come about. Those of one turn of the loop are given back together, in the next."""
        if not self._not_wanted:
            asyncio.get_running_loop().call_soon(self._return_what_is_not_wanted, context=self._context)
        self._not_wanted.append(leased)

    def _write_down(self) -> None:
        """Write down how attempts ended, and let others take their places."""
        ended, self._ended = self._ended, []
        if ended:
            self._write(self._acknowledge, ended, [one.leased for one in ended])

    def _return_what_is_not_wanted(self) -> None:
        not_wanted, self._not_wanted = self._not_wanted, []
        if not_wanted:
            self._write(self._give_back, not_wanted, not_wanted)

    def _write(self, verb: Callable[[Tx, list[E]], None], over: list[E], leased: list[L]) -> None:
        try:
            self._store.write_unsynced_now(verb, over)
        except NotNow:
            self._write_later(verb, over, leased, timedelta(0))
        except Exception:
            _log.exception("how %d attempts ended cannot be written; it is tried again", len(over))
            self._write_later(verb, over, leased, _AFTER_AN_ERROR)
        else:
            self._over(leased)

    def _write_later(
        self, verb: Callable[[Tx, list[E]], None], over: list[E], leased: list[L], wait: timedelta
    ) -> None:
        _track(self._writing, self._write_until_done(verb, over, leased, wait))

    async def _write_until_done(
        self, verb: Callable[[Tx, list[E]], None], over: list[E], leased: list[L], wait: timedelta
    ) -> None:
        while True:
            await asyncio.sleep(wait.total_seconds())
            try:
                await self._store.write_unsynced(verb, over)
                break
            except Exception:  # such as StoreError; nobody else sees to it that this is tried again
                _log.exception("how %d attempts ended cannot be written; it is tried again", len(over))
            wait = _AFTER_AN_ERROR
        self._over(leased)


def _loop_is_ending() -> bool:
    """Whether all is cancelled at once, as `asyncio.run` does on its way out."""
    return all(task.cancelling() for task in asyncio.all_tasks())


async def _cancel_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel these, and return once they have ended, or after a moment."""
    if cut_off := list(tasks):
        if not _loop_is_ending():
            for task in cut_off:
                task.cancel()
        await asyncio.wait(cut_off, timeout=_CANCELLED_HAVE.total_seconds())


def _leave_behind(task: asyncio.Task[None]) -> None:
    """Let the process end though this task does not."""
    # `asyncio.run` waits for every task that is registered.
    asyncio._unregister_task(task)
    # A task that is thrown away unfinished is told so by one more exception. An app that ignores each would, now
    # without an event loop, hold the interpreter for ever: let nobody throw it away, not even its end.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(task))


def _track(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


class _Attempt(Generic[L]):
    """One attempt, and whether how it ended is known."""

    __slots__ = ("_is_wanted", "_note_end", "begun", "cut_off", "leased", "over", "wave")

    def __init__(
        self, leased: L, note_end: Callable[[L, Reply], None], is_wanted: Callable[[L], bool], wave: int
    ) -> None:
        self.leased = leased
        self._note_end = note_end
        self._is_wanted = is_wanted
        self.wave = wave
        """In which it began, for `Intake`."""
        self.begun = False
        """Whether it may have been sent."""
        self.over = False
        self.cut_off = False
        """Whether a stop has cancelled it."""

    def end(self, reply: Reply) -> None:
        """How it ended; what is told later does not count."""
        if not self.over:
            self.over = True
            self._note_end(self.leased, reply)

    def wanted(self) -> bool:
        """Whether it is still to be sent."""
        return self._is_wanted(self.leased)
