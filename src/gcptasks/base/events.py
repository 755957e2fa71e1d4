"""What happened. Rules and verbs make events, the store emits them once they are durable, who cares subscribes."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from gcptasks.base.names import QueueName, TaskName

_log = logging.getLogger("gcptasks")


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """A queue was created, paused, resumed, purged or deleted."""

    queue: QueueName
    change: str
    """`created`, `paused`, `resumed`, `purged` or `deleted`."""


@dataclass(frozen=True, slots=True)
class TaskCreated:
    task: TaskName
    scheduled_at: datetime


@dataclass(frozen=True, slots=True)
class TaskDeleted:
    """A task was deleted by a call, before it was done."""

    task: TaskName


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    task: TaskName
    attempt: int
    """1 for the first."""
    scheduled_at: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class AttemptSucceeded:
    task: TaskName
    attempt: int
    status: int
    """The HTTP status."""


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    task: TaskName
    attempt: int
    status: int
    """The HTTP status; 504 after a passed deadline, 0 without any answer (CT-312, CT-313)."""
    reason: str
    next_at: datetime | None
    """When it is tried again; None when it was given up."""


Event = QueueChanged | TaskCreated | TaskDeleted | AttemptStarted | AttemptSucceeded | AttemptFailed
Subscriber = Callable[[Event], None]


class Events:
    """Hands events to whoever subscribed."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` for each event from now on, in the thread that emits."""
        self._subscribers.append(subscriber)

    def emit(self, events: Iterable[Event]) -> None:
        """Tell every subscriber. One that fails is logged, never raised: what happened has happened."""
        for event in events:
            for subscriber in self._subscribers:
                try:
                    subscriber(event)
                except Exception:
                    _log.exception("a subscriber failed on %s", event)
