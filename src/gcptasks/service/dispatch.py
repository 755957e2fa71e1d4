"""What the dispatcher does to the database: it leases tasks and acknowledges how attempts ended, many at a time."""

from dataclasses import dataclass
from datetime import datetime

from gcptasks.base.events import AttemptStarted
from gcptasks.base.names import QueueName
from gcptasks.engine import tasks
from gcptasks.engine.model import Attempt, Queue, Reply, Task
from gcptasks.store.due import Due
from gcptasks.store.leases import Leased
from gcptasks.store.queues import StoredQueue
from gcptasks.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that ended."""

    leased: Leased
    reply: Reply
    at: datetime


def all_queues(tx: Tx) -> list[Queue]:
    return [stored.queue for stored in tx.queues.all()]


def due_tasks(tx: Tx, queue: QueueName, after: Due, until: int, limit: int) -> list[Due]:
    """Up to `limit` tasks of the queue after `after` that are due by `until` (microseconds since 1970), in order."""
    stored = tx.queues.find(queue)
    return [] if stored is None else tx.leases.due(stored, after, until, limit)


def lease(tx: Tx, wanted: list[tuple[QueueName, int]], now: datetime) -> list[Leased]:
    """Begin an attempt of each of these tasks that is there and due."""
    found = [(tx.queues.find(queue), number) for queue, number in wanted]
    begun = [tx.leases.begin(queue, number, now) for queue, number in found if queue is not None]
    return _started(tx, [leased for leased in begun if leased is not None], now)


def lease_forced(tx: Tx, now: datetime) -> list[Leased]:
    """Begin an attempt of each task that RunTask asked for, due or not (CT-146)."""
    found = [(tx.queues.find(queue), number) for number, queue in tx.leases.take_forced()]
    begun = [tx.leases.begin(queue, number, now, forced=True) for queue, number in found if queue is not None]
    return _started(tx, [leased for leased in begun if leased is not None], now)


def acknowledge(tx: Tx, ended: list[Ended]) -> None:
    """Keep how these attempts ended."""
    for one in ended:
        queue = tx.queues.find(one.leased.task.name.queue)
        if queue is not None:
            _acknowledge(tx, queue, one)


def _acknowledge(tx: Tx, queue: StoredQueue, ended: Ended) -> None:
    leased = ended.leased
    task = leased.task if ended.reply.ok else _as_stored(tx, queue, leased)
    if task is None:
        return  # deleted or purged meanwhile
    attempt = leased.task.last_attempt
    assert attempt is not None
    step = tasks.answered(task, attempt, ended.reply, queue.queue.retry_config, ended.at)
    if step.task is not None:
        tx.tasks.save_retry(leased.number, step.task)
        tx.arrived(leased.task.name.queue, leased.number, step.task.scheduled_at)
    elif not tx.tasks.delete(leased.number, ended.at + tasks.NAME_BLOCK):
        return
    tx.happened(step.events)


def _as_stored(tx: Tx, queue: StoredQueue, leased: Leased) -> Task | None:
    found = tx.tasks.find(queue, leased.task.name.task)
    # A task made anew under the same name has another number.
    return found[1] if found is not None and found[0] == leased.number else None


def _started(tx: Tx, leased: list[Leased], now: datetime) -> list[Leased]:
    tx.happened([_event(one.task, now) for one in leased])
    return leased


def _event(task: Task, now: datetime) -> AttemptStarted:
    assert isinstance(task.last_attempt, Attempt)
    return AttemptStarted(task.name, task.dispatch_count, task.last_attempt.scheduled_at, now)
