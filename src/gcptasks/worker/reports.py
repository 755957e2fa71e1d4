"""How far an attempt has come, as it is written: a few times a second, and the last word always."""

import asyncio
from contextlib import suppress
from typing import Protocol

from gcptasks.engine.task_records import Heard, ProgressInfo, TaskStatus
from gcptasks.results.store import Attempt
from gcptasks.worker.recorder import Recorder

_REPORT_EVERY = 0.25
"""Seconds between two writes of the progress of one attempt."""


class Reported(Protocol):
    """The attempt."""

    @property
    def attempt(self) -> Attempt: ...

    @property
    def task_name(self) -> str:
        """The full one of its task."""
        ...

    @property
    def task_id(self) -> str | None:
        """The last part of it."""
        ...

    @property
    def goes_on(self) -> bool:
        """Whether it is recorded as begun, and not over."""
        ...

    @property
    def cancelled(self) -> bool: ...

    def cancel(self) -> None:
        """Somebody cancelled its task."""
        ...


class Reports:
    """Writes the progress of one attempt, which runs on that event loop."""

    __slots__ = ("_loop", "_of", "_saying", "_scheduled", "_to", "_unsaid")

    def __init__(self, of: Reported, to: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        self._of = of
        self._to = to
        self._loop = loop
        self._unsaid: ProgressInfo | None = None
        self._saying: asyncio.Task[None] | None = None
        self._scheduled = False

    def report(self, progress: ProgressInfo) -> None:
        """Write it, soon; of several in a moment the last. Safe to use from any thread."""
        self._unsaid = progress
        if not self._scheduled:
            self._scheduled = True
            with suppress(RuntimeError):  # of a loop that is closed
                self._loop.call_soon_threadsafe(self._report_now)

    @property
    def all_said(self) -> bool:
        """Whether nothing is still to be written."""
        return self._unsaid is None and (self._saying is None or self._saying.done())

    async def say_all(self, since: float) -> None:
        """Write the last word, after those that are being written, for whoever has waited since then."""
        if self._saying is not None and not self._saying.done():
            await asyncio.wait((self._saying,))
        if self._unsaid is not None:
            id, run, number = self._of.attempt
            await self._to.store.change(id, run, Heard(number, self._unsaid, self._of.task_id), since)

    def _report_now(self) -> None:
        # In this order: a thread sets what is unsaid before it looks whether somebody is going to report it.
        self._scheduled = False
        if self._of.goes_on and self._unsaid is not None:
            unsaid, self._unsaid = self._unsaid, None
            self._scheduled = True
            self._saying = self._to.in_background(self._say(unsaid))

    async def _say(self, progress: ProgressInfo) -> None:
        id, run, number = self._of.attempt
        change = await self._to.store.change(id, run, Heard(number, progress, self._of.task_id))
        if not self._of.goes_on:
            return
        self._loop.call_later(_REPORT_EVERY, self._report_now)
        if change is None or self._of.cancelled:
            return
        cancelled = change.record.status is TaskStatus.CANCELLED and change.record.task_name == self._of.task_name
        if cancelled or change.record.run > run:
            self._of.cancel()
