"""What a worker does for the record of a task: says that an attempt begins, how far it has come, and how it ended.

The record is found by a header of the attempt. It is written twice, progress and heartbeats aside. A store that is
down keeps no task from running: then the answer to the queue alone counts.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from gcptasks.base.interruptions import came_from_outside, is_ctrl_c
from gcptasks.base.log_text import log_text
from gcptasks.engine.leased_record import LeasedRecord
from gcptasks.engine.task_records import (
    RECORD_HEADER,
    Started,
    TaskRecord,
    TaskStatus,
    concerns,
    parse_record_tag,
)
from gcptasks.results.store import Attempt, Change
from gcptasks.worker.endings import Answered
from gcptasks.worker.recorder import Recorder
from gcptasks.worker.reports import Reports

_log = logging.getLogger("gcptasks")

_OVER = {TaskStatus.CANCELLED: "the task was cancelled", TaskStatus.SUCCEEDED: "the task has succeeded already"}
"""Why nothing more is to run. What has failed for good may still run, but is not recorded again."""
_NO_TIME = timedelta()
_TASK_NAME = "x-cloudtasks-taskname"
_RETRY_COUNT = "x-cloudtasks-taskretrycount"


class LastAttempts(Protocol):
    """Knows when a queue gives tasks up."""

    async def is_last(self, task_name: str, headers: Mapping[str, str], attempts: int, age: timedelta) -> bool:
        """Whether no attempt follows that many, the first of which began that long ago; False where nobody knows."""
        ...


class NotToRun(Exception):
    """The task is over, or was begun anew: the queue gets 200, and nothing runs. The text says why."""


class Recording:
    """Records one attempt at the task of an endpoint. All of it happens on the event loop that runs the attempt."""

    __slots__ = (
        *("_age", "_end_late", "_endpoint", "_headers", "_is_async", "_last_attempts", "_late", "_leased", "_left"),
        *("_loop", "_not_to_run", "_reports", "_tag", "_task", "_to", "_told"),
        *("attempt", "began", "cancelled", "error", "runs", "task_name", "tried"),
    )

    def __init__(
        self,
        to: Recorder,
        tag: str,
        endpoint: str,
        headers: Mapping[str, str],
        *,
        is_async: bool,
        last_attempts: LastAttempts | None,
    ) -> None:
        self._to = to
        self._tag = tag
        self._endpoint = endpoint
        self._headers = headers
        self._is_async = is_async
        self._last_attempts = last_attempts
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._told = False
        self._left = False
        self._age = _NO_TIME
        self._leased: LeasedRecord | None = None
        self._reports: Reports | None = None
        self._late: asyncio.Future[Change | None] | None = None
        self._end_late: tuple[int, bytes] | None = None
        self._not_to_run: str | None = None
        self.attempt: Attempt
        self.task_name = ""
        """The full one of its task, once `attempt` is known."""
        self.tried = False
        """Whether its beginning was recorded, or there was a reason not to."""
        self.runs = False
        """Whether `attempt` is known and not over."""
        self.began = 0.0
        self.cancelled = False
        """Whether somebody cancelled the task: then its record is final."""
        self.error: BaseException | None = None
        """What the endpoint raised."""

    def is_here(self, leased: LeasedRecord | None) -> None:
        """The service that delivers is in this process: go on with what its lease began, if it is of this endpoint.

        From then on it begins attempts of the endpoint itself, if it is the one that keeps the record.
        """
        if leased is None:
            if self._to.recorded_here is not None:
                self._to.recorded_here.add(self._endpoint)
        elif leased.endpoint == self._endpoint:
            leased.taken = self.tried = True
            self._leased = leased
            self._age = leased.age
            self._begun(Attempt(leased.id, leased.run, leased.number), leased.task_name)

    async def begin(self) -> None:
        """Record that the attempt begins; `NotToRun` if it is not to."""
        if self._leased is not None:
            return
        self.tried = True
        found = parse_record_tag(self._tag)
        if found is None:
            _log.warning("%s %s is no record, so the task runs unrecorded", RECORD_HEADER, log_text(self._tag))
            return
        id, run = found
        started = Started(self._endpoint, header_of(self._headers, _TASK_NAME))
        change = await self._to.store.change_or_later(id, run, started)
        if isinstance(change, asyncio.Future):
            # The endpoint runs meanwhile. A store that is slow, as at its first connection, hears of all of it later.
            self._task = asyncio.current_task()
            self._late = change
            change.add_done_callback(self._begun_late)
        elif change is None:
            if not self._to.down:
                _log.warning("a task of %s has no record %s, so it runs unrecorded", self._endpoint, log_text(id))
        elif change.made:
            self._begun_as(change.record)
        else:
            self._not_begun(change.record, run, started)

    def reports(self) -> Reports:
        """What writes how far the attempt has come."""
        if self._reports is None:
            self._reports = Reports(self, self._to, self._loop)
        return self._reports

    @property
    def task_id(self) -> str | None:
        """The last part of `task_name`, by which the record knows what is said of its own task."""
        return self.task_name.rpartition("/tasks/")[2] or None

    @property
    def goes_on(self) -> bool:
        """Whether it is recorded as begun, and not over."""
        return self.runs and not self._left

    def cancel(self) -> None:
        """Somebody cancelled the task: an endpoint that awaits is cancelled, one that blocks is told when it asks."""
        self.cancelled = True
        self._to.watch().remove(self)
        if self._is_async and self._task is not None:
            self._told = True
            self._task.cancel()

    def leave(self) -> None:
        """Let nothing cancel the attempt from now on."""
        self._left = True
        if self.runs:
            self._to.watch().remove(self)

    async def caught(self, error: BaseException) -> bool:
        """Keep what the attempt raised: `end` is to follow.

        False if it came from outside and is to be raised on: the deadline has passed, or the server stops, and nobody
        reads an answer any more.
        """
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and self.cancelled:
            await self.take_back_cancellation()
        elif task is not None and came_from_outside(error, task):
            self.error = error
            if isinstance(error, asyncio.CancelledError):
                self.end_later()
            else:
                self.leave()
            return False
        self.error = error
        return True

    def caught_elsewhere(self, error: BaseException) -> bool:
        """The same in code that blocks, which runs on another thread than the event loop."""
        if isinstance(error, KeyboardInterrupt) and is_ctrl_c(error):
            self._loop.call_soon_threadsafe(self.leave)
            return False
        self.error = error
        return True

    async def take_back_cancellation(self) -> None:
        """Go on though the task was cancelled; raises `CancelledError` if somebody else has cancelled this as well."""
        task, told = self._task, self._told
        if not told or task is None or asyncio.current_task() is not task:
            return
        self._told = False
        try:
            # If the endpoint awaited nothing since, it comes now.
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            pass
        if task.uncancel():
            raise asyncio.CancelledError

    async def end(self, status: int, result: bytes) -> str | None:
        """Record how the attempt ended, by what it answers with. The reason to answer with 200 instead, if any."""
        self.leave()
        if self.cancelled:
            await self.take_back_cancellation()
            return _OVER[TaskStatus.CANCELLED]
        if not self.runs:
            if self._late is not None:
                self._end_late = status, result
            return self._not_to_run  # whatever handlers of exceptions and exits of dependencies have made of it
        self.runs = False
        answered = Answered(status, result, self.error)
        if self._leave_to_acknowledgement(answered):
            return None
        id, run, number = self.attempt
        is_last = not answered.ok and await self._is_last()
        event = answered.ending(number, self.task_id, self._endpoint, self._to.settings, is_last=is_last)
        since = time.monotonic()
        if self._reports is not None:
            await self._reports.say_all(since)
        change = await self._to.store.change(id, run, event, since)
        if change is None or answered.ok or (change.record.run == run and not concerns(event, change.record)):
            return None
        return _why_over(change.record, run)

    def end_later(self) -> None:
        """Record that the attempt was cut off, without waiting for it."""
        self.leave()
        if self.runs and not all(task.cancelling() for task in asyncio.all_tasks()):  # the loop itself ends
            self._to.in_background(self.end(0, b""))

    def _begun_as(self, record: TaskRecord) -> None:
        if record.started_at is not None and record.heard_at is not None:
            self._age = record.heard_at - record.started_at
        self._begun(Attempt(record.id, record.run, record.attempt), record.task_name)

    def _begun(self, attempt: Attempt, task_name: str) -> None:
        self.attempt = attempt
        self.task_name = task_name
        self.began = self._loop.time()
        self._task = self._task or asyncio.current_task()
        self.runs = True
        if not self._left:
            self._to.watch().add(self)

    def _begun_late(self, future: "asyncio.Future[Change | None]") -> None:
        """The store has answered while the endpoint ran, or after it."""
        self._late = None
        change = None if future.cancelled() or future.exception() is not None else future.result()
        if change is not None and change.made:
            self._begun_as(change.record)
            if self._end_late is not None:
                self._to.in_background(self.end(*self._end_late))

    def _not_begun(self, record: TaskRecord, run: int, started: Started) -> None:
        if record.endpoint != self._endpoint:
            _log.warning(
                "the record %s is of %s, not of %s, so the task runs unrecorded",
                record.id,
                log_text(record.endpoint),
                self._endpoint,
            )
        elif record.run == run and not concerns(started, record):
            # Its key was forgotten, and used for another task.
            _log.warning(
                "the record %s is of another task, so %s runs unrecorded", record.id, log_text(started.task_id)
            )
        elif reason := _why_over(record, run):
            self._not_to_run = reason
            raise NotToRun(reason)

    def _leave_to_acknowledgement(self, answered: Answered) -> bool:
        """Have the service record the usual end as it acknowledges the attempt; False for any other."""
        leased = self._leased
        if leased is None or leased.over or self._to.recorded_here is None:
            return False
        if not answered.is_usual(self._to.settings) or (self._reports is not None and not self._reports.all_said):
            return False
        leased.result = answered.result
        return True

    async def _is_last(self) -> bool:
        count = header_of(self._headers, _RETRY_COUNT)
        if self._last_attempts is None or count is None or not (count.isascii() and count.isdecimal()):
            return False
        age = self._age + timedelta(seconds=self._loop.time() - self.began)
        return await self._last_attempts.is_last(self.task_name, self._headers, int(count[:9]) + 1, age)


def header_of(headers: Mapping[str, str], name: str) -> str | None:
    """The header's value; its name is in lower case."""
    return next((value for one, value in headers.items() if one.lower() == name), None)


def _why_over(record: TaskRecord, run: int) -> str | None:
    """Why no attempt of that run is needed any more; None if one is."""
    if record.run > run:
        return "the task was begun anew"
    return _OVER.get(record.status)
