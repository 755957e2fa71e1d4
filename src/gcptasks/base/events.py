"""What happened, and when: made by rules and verbs, emitted by the store once it is durable, heard by who subscribes.

`at` is an aware UTC datetime: when the service decided it, by its own clock.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum

from gcptasks.base.frozen import frozen
from gcptasks.base.names import JobName, QueueName, TaskName

_log = logging.getLogger("gcptasks")


MOST_COUNTED = 100_000
"""Up to here it is counted how many tasks a queue had, for that takes time."""


class QueueChange(StrEnum):
    """What became of a queue."""

    CREATED = "created"
    UPDATED = "updated"
    PAUSED = "paused"
    RESUMED = "resumed"
    PURGED = "purged"
    DELETED = "deleted"


@frozen
class QueueChanged:
    queue: QueueName
    change: QueueChange
    at: datetime
    tasks: int = 0
    """How many tasks went with it: those of a queue that was purged or deleted, counted up to `MOST_COUNTED`."""


@frozen
class TaskCreated:
    task: TaskName
    scheduled_at: datetime
    at: datetime


@frozen
class TaskForced:
    """RunTask asked for an attempt at once."""

    task: TaskName
    at: datetime


@frozen
class TaskDeleted:
    """A task was deleted by a call, before it was done."""

    task: TaskName
    at: datetime


@frozen
class TaskExpired:
    """A task went for its age, before it was done."""

    task: TaskName
    at: datetime


@frozen
class AttemptStarted:
    task: TaskName
    attempt: int
    """1 for the first."""
    scheduled_at: datetime
    """When it was due."""
    at: datetime


@frozen
class AttemptSucceeded:
    task: TaskName
    attempt: int
    status: int
    """The HTTP status."""
    at: datetime


@frozen
class AttemptFailed:
    task: TaskName
    attempt: int
    status: int
    """The HTTP status; 504 after a passed deadline (CT-312), 0 without any answer (CT-313)."""
    reason: str
    next_at: datetime | None
    """When it is tried again; None when it was given up."""
    at: datetime


@frozen
class ServiceReset:
    """Everything was dropped."""

    at: datetime


class JobChange(StrEnum):
    """What became of a job."""

    CREATED = "created"
    UPDATED = "updated"
    PAUSED = "paused"
    RESUMED = "resumed"
    DELETED = "deleted"


@frozen
class JobChanged:
    job: JobName
    change: JobChange
    next_at: datetime | None
    """Its next scheduled time; None if it has none."""
    at: datetime


@frozen
class JobForced:
    """RunJob asked for an execution at once."""

    job: JobName
    at: datetime


@frozen
class ExecutionSkipped:
    """A job's time came while an execution of it was not over."""

    job: JobName
    scheduled_at: datetime
    at: datetime


@frozen
class ExecutionMissed:
    """A job's time came while nobody ran it: the first such time, if there were several."""

    job: JobName
    scheduled_at: datetime
    next_at: datetime | None
    """Its first time that was not missed; those before are not made up."""
    at: datetime


@frozen
class JobRescheduled:
    """A job has another next time than before, or one again, since the zone database is another."""

    job: JobName
    next_at: datetime
    at: datetime


@frozen
class ScheduleEnded:
    """A job is run no more: its schedule has no next time, or its time zone is gone from the zone database."""

    job: JobName
    at: datetime


@frozen
class JobAttemptStarted:
    job: JobName
    scheduled_at: datetime
    attempt: int
    """1 for the first of an execution."""
    at: datetime


@frozen
class JobAttemptSucceeded:
    job: JobName
    scheduled_at: datetime
    attempt: int
    status: int
    """The HTTP status."""
    at: datetime


@frozen
class JobAttemptFailed:
    job: JobName
    scheduled_at: datetime
    attempt: int
    status: int
    """The HTTP status; 504 after a passed deadline, 0 without any answer."""
    reason: str
    next_at: datetime | None
    """When it is tried again; None when the execution is over."""
    at: datetime


Event = (
    QueueChanged
    | TaskCreated
    | TaskForced
    | TaskDeleted
    | TaskExpired
    | AttemptStarted
    | AttemptSucceeded
    | AttemptFailed
    | ServiceReset
    | JobChanged
    | JobForced
    | ExecutionSkipped
    | ExecutionMissed
    | ScheduleEnded
    | JobRescheduled
    | JobAttemptStarted
    | JobAttemptSucceeded
    | JobAttemptFailed
)
Subscriber = Callable[[Event], None]


class Events:
    """Hands events to whoever subscribed."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` for each event from now on, in the thread that emits. Returns what ends it."""
        self._subscribers = [*self._subscribers, subscriber]

        def end() -> None:
            self._subscribers = [other for other in self._subscribers if other is not subscriber]

        return end

    def emit(self, events: Iterable[Event]) -> None:
        """Tell every subscriber. One that fails is logged, never raised: what happened has happened."""
        for event in events:
            for subscriber in self._subscribers:
                try:
                    subscriber(event)
                except Exception:
                    _log.exception("a subscriber failed on %s", event)
