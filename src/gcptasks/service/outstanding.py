"""The verbs that tell what is not done yet."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gcptasks.base.names import JobName, QueueName
from gcptasks.service.queues import existing
from gcptasks.store.outstanding import JobLeft, QueueLeft
from gcptasks.store.tx import Tx

_LISTED = 100
_COUNTED = 1000


class Until(StrEnum):
    """What can be waited for."""

    EMPTY = "empty"
    """There is nothing: no task, no execution of a job that is not over."""
    IDLE = "idle"
    """Nothing is under way or due. What waits for its time, or in a queue that is paused, may be there."""


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What is not done yet."""

    queues: list[QueueLeft]
    """Those with tasks, the first 100 by name, each task counted up to 1,000."""
    jobs: list[JobLeft]
    """Those with executions that are not over, the first 100 by name."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """How many attempts are under way in this process, of tasks by their queue and of jobs by name."""

    queues: Counter[QueueName]
    jobs: Counter[JobName]

    def has(self, queue: QueueName | None) -> bool:
        """Whether any is, of that queue or at all."""
        return bool(self.queues or self.jobs) if queue is None else queue in self.queues

    def of(self, queue: QueueName | None) -> "UnderWay":
        """Those of that queue; all, if it is None."""
        if queue is None:
            return self
        return UnderWay(Counter({queue: self.queues[queue]} if queue in self.queues else ()), Counter())


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of the work."""

    reached: bool
    """Whether it is so little as was waited for."""
    outstanding: Outstanding
    under_way: UnderWay


def outstanding(tx: Tx, queue: QueueName | None, now: datetime) -> Outstanding:
    """What is not done yet in that queue, or in all queues and by all jobs."""
    name = None if queue is None else str(queue)
    return Outstanding(
        tx.outstanding.queues(name, now, _LISTED, _COUNTED), [] if name else tx.outstanding.jobs(now, _LISTED)
    )


def has_outstanding(tx: Tx, queue: QueueName | None, until: Until, now: datetime) -> bool:
    """Whether anything keeps it from being so, as far as the database tells. A queue that is gone has nothing."""
    name = None if queue is None else str(queue)
    return tx.outstanding.has_any(name) if until is Until.EMPTY else tx.outstanding.has_due(name, now)


def check_queue(tx: Tx, queue: QueueName) -> None:
    """`NotFound` if there is no such queue."""
    existing(tx, queue)
