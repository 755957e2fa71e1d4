"""What the dispatcher does to the database: it leases tasks and acknowledges how attempts ended, many at a time."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from gcptasks.base.events import AttemptStarted
from gcptasks.base.frozen import frozen
from gcptasks.base.names import QueueName
from gcptasks.engine import delivery, tasks
from gcptasks.engine.decision import Decision
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import CUT_OFF, QueueState, Reply, RetryConfig, Task
from gcptasks.service import leased_records, task_records
from gcptasks.service.leased_records import Workers
from gcptasks.store.due import BEGINNING, Due
from gcptasks.store.leases import Leased
from gcptasks.store.queues import StoredQueue
from gcptasks.store.statements import NewTask
from gcptasks.store.times import to_us
from gcptasks.store.tx import Tx

L = TypeVar("L")

_FORCED_AT_A_TIME = 100
"""So few that no event loop is held for more than some milliseconds."""
_NO_RETRIES = RetryConfig()
"""For attempts that succeeded: their rule asks for none."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """The moment at which this process began to deliver."""

    at: datetime
    last_task: int
    """The number of the newest task that was there."""


@dataclass(slots=True)
class Wanted:
    """Attempts to begin. The database decides which of them do."""

    tasks: dict[QueueName, list[int]] = field(default_factory=dict[QueueName, list[int]])
    """Tasks that may start now, by queue, as numbers."""
    forced: bool = False
    """And those that RunTask asked for."""
    takeover: Takeover | None = None
    """If known, tasks are given up whose last attempt was cut off before it."""

    def __bool__(self) -> bool:
        return self.forced or bool(self.tasks)


@frozen
class Ended(Generic[L]):
    """An attempt that ended: what was leased, how it ended, and when."""

    leased: L
    reply: Reply
    at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """Up to where it is known what the database has."""

    version: int
    """Of the queues."""
    last_task: int
    """The number of the newest task."""


@dataclass(frozen=True, slots=True)
class News:
    """What the database has that is newer than what was known."""

    known: Known
    """What is known with it."""
    queues: list[StoredQueue]
    tasks: list[tuple[int, Due]]
    """New ones, each with the number of its queue."""
    more: bool
    """Whether there are more new tasks."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Some queues in the order of their numbers, which grow."""

    queues: list[StoredQueue]
    due: set[int]
    """The numbers of those that have something due soon."""


def newest(tx: Tx) -> Known:
    """What is known once all is read."""
    return Known(tx.queues.version(), tx.leases.last_number())


def news(tx: Tx, known: Known, limit: int) -> News:
    """What is newer, with up to `limit` tasks."""
    tasks_ = tx.leases.newer(known.last_task, limit)
    last = tasks_[-1][1].number if tasks_ else known.last_task
    return News(
        Known(tx.queues.version(), last),
        tx.queues.changed_since(known.version),
        tasks_,
        more=len(tasks_) == limit,
    )


def queues_after(tx: Tx, number: int, due_until: int, limit: int) -> Portion:
    """Up to `limit` queues with greater numbers, and which have tasks due by then (microseconds since 1970)."""
    found = tx.queues.after(number, limit)
    due = tx.leases.queues_due(BEGINNING.at, due_until, number, found[-1].number) if found else ()
    return Portion(found, set(due))


def queues_due(tx: Tx, after: int, until: int) -> list[int]:
    """The numbers of the queues with tasks due within that time (microseconds since 1970)."""
    return tx.leases.queues_due(after, until)


def count_queues(tx: Tx) -> int:
    return tx.queues.count()


def queue_named(tx: Tx, name: QueueName) -> StoredQueue | None:
    return tx.queues.find(name)


def due_tasks(tx: Tx, queue: QueueName, after: Due, until: int, limit: int) -> list[Due]:
    """Up to `limit` tasks of the queue after `after` that are due by `until` (microseconds since 1970), in order."""
    stored = tx.queues.find(queue)
    return [] if stored is None else tx.leases.due(stored, after, until, limit)


def lease(tx: Tx, wanted: Wanted, now: datetime, workers: Workers | None = None) -> list[Leased]:
    """Begin an attempt of each task that is there and due, and of each that RunTask asked for, due or not (CT-146).

    Those of the `workers` of this process are recorded as begun, if their tasks are recorded.
    """
    if wanted.takeover is not None:
        _end_cut_off(tx, wanted.tasks, wanted.takeover, now)
    begun = _lease_forced(tx, now) if wanted.forced else []
    if wanted.tasks:
        begun += _begin(tx, wanted.tasks, now, forced=False)
    if workers is not None and workers.endpoints:
        leased_records.begin_records(tx, begun, workers, now)
    return begun


def begin_new(tx: Tx, started: list[NewTask], now: datetime, workers: Workers | None = None) -> None:
    """As `lease`, for tasks that this transaction creates: they are written as begun."""
    at = to_us(now)
    begun: list[Leased] = []
    for new in started:
        queue = tx.queues.find(new.task.name.queue)
        assert queue is not None
        new.attempt = (1, at, to_us(new.task.scheduled_at), at)
        task = tasks.dispatched(new.task, now)
        begun.append(Leased(number=new.number, task=task, unread=0, queue=queue.queue, previous_status=None))
    tx.begin(begun)
    tx.happened([_started(one.task, now) for one in begun])
    if workers is not None and workers.endpoints:
        leased_records.begin_records(tx, begun, workers, now)


def outgoing(app_engine: str | None, leased: Leased) -> Outgoing:
    """What is sent for that attempt. App Engine apps are at that address; `Unreachable` if one is meant and none is."""
    return delivery.outgoing(leased.task, leased.queue, leased.previous_status, app_engine, leased.record)


def large_outgoing(app_engine: str | None, tx: Tx, leased: Leased) -> Outgoing | None:
    """As `outgoing`, for an attempt whose body is unread; None if its task is gone."""
    body = tx.leases.body(leased.number)
    if body is None:
        return None
    task = replace(leased.task, request=replace(leased.task.request, body=body))
    return delivery.outgoing(task, leased.queue, leased.previous_status, app_engine)


def wanted(tx: Tx, leased: Leased) -> bool:
    """Whether an attempt that was leased before is still to be made: its task is there, and its queue runs (CT-073).

    What RunTask asked for runs in a queue that is paused as well (CT-146).
    """
    state = tx.leases.state_of_queue(leased.number)
    return state is not None and (leased.forced or state is QueueState.RUNNING)


def acknowledge(tx: Tx, ended: list[Ended[Leased]]) -> None:
    """Keep how these attempts ended."""
    recorded = [(one.leased.record, one.reply, one.at) for one in ended if one.leased.record is not None]
    if recorded:
        leased_records.end_records(tx, recorded)
    done = [one for one in ended if one.reply.ok]
    if done:
        gone = tx.tasks.delete([one.leased.number for one in done], done[-1].at + tasks.NAME_BLOCK)
        for one in done:
            # One that was gone already had been deleted or purged, or another attempt of it succeeded: that was told.
            if one.leased.number in gone:
                gone.remove(one.leased.number)
                tx.happened(_decide(one, one.leased.task, _NO_RETRIES).events)
        unsaid = [one.leased.task for one in done if one.leased.record is None or one.leased.record.result is None]
        task_records.tasks_succeeded(tx, unsaid, done[-1].at)
    for one in ended:
        if not one.reply.ok:
            _try_again(tx, one)


def give_back(tx: Tx, leased: list[Leased]) -> None:
    """Take these attempts for none: they were never sent. What RunTask asked for is asked for still."""
    tx.leases.uncount([one.number for one in leased])
    for one in leased:
        if one.forced:
            tx.leases.force(one.number)
        else:
            tx.arrived(one.owner, one.number, one.task.scheduled_at)


def _lease_forced(tx: Tx, now: datetime) -> list[Leased]:
    # One by one, since RunTask may ask for the same task twice, and each gets its request (CT-147).
    asked = tx.leases.take_forced(_FORCED_AT_A_TIME)
    if len(asked) == _FORCED_AT_A_TIME:
        tx.changes.forced = True  # the dispatcher comes again
    return [leased for one in asked for leased in _begin(tx, {one.queue: [one.number]}, now, forced=True)]


def _end_cut_off(tx: Tx, wanted: dict[QueueName, list[int]], takeover: Takeover, now: datetime) -> None:
    """Give up what has had its last attempt, which was cut off when the process ended that delivered before.

    So a task that kills its process is not run for ever. What has attempts left is delivered again at once.
    """
    for name, numbers in wanted.items():
        old = [number for number in numbers if number <= takeover.last_task]
        if old and (queue := tx.queues.find(name)) is not None:
            for leased in tx.leases.cut_off(queue, old, takeover.at):
                decision = _decide(Ended(leased, CUT_OFF, now), leased.task, queue.queue.retry_config)
                if decision.task is None:
                    _give_up(tx, leased.number, leased.task, CUT_OFF, now)
                    tx.happened(decision.events)


def _begin(tx: Tx, wanted: dict[QueueName, list[int]], now: datetime, *, forced: bool) -> list[Leased]:
    found: list[tuple[StoredQueue, list[int]]] = []
    for name, numbers in wanted.items():
        queue = tx.queues.find(name)
        if queue is not None and not forced and queue.queue.state is not QueueState.RUNNING:
            _leave_waiting(tx, name, numbers, now)
        elif queue is not None:
            found.append((queue, numbers))
    numbers = [number for _, of_one in found for number in of_one]
    begun = tx.leases.begin([queue for queue, _ in found], numbers, now, forced=forced)
    tx.happened([_started(one.task, now) for one in begun])
    return begun


def _leave_waiting(tx: Tx, name: QueueName, numbers: list[int], now: datetime) -> None:
    """Have the dispatcher keep these in mind, and see what it had not heard: that their queue does not run any more."""
    tx.changes.queues.append(name)
    for number in numbers:
        tx.arrived(name, number, now)


def _started(task: Task, now: datetime) -> AttemptStarted:
    assert task.last_attempt is not None
    return AttemptStarted(task.name, task.dispatch_count, task.last_attempt.scheduled_at, now)


def _try_again(tx: Tx, ended: Ended[Leased]) -> None:
    leased = ended.leased
    queue = tx.queues.find(leased.name.queue)
    found = None if queue is None else tx.tasks.find(queue, leased.name.task)
    if queue is None or found is None:  # deleted or purged meanwhile
        task_records.task_given_up(tx, leased.task, task_records.DELETED, ended.at)
        return
    if found.number != leased.number:  # made anew under the same name
        return
    decision = _decide(ended, found.task, queue.queue.retry_config)
    if decision.task is None:
        _give_up(tx, leased.number, found.task, ended.reply, ended.at)
    else:
        tx.tasks.save_retry(leased.number, decision.task)
        tx.arrived(queue.queue.name, leased.number, decision.task.scheduled_at)
    tx.happened(decision.events)


def _give_up(tx: Tx, number: int, task: Task, reply: Reply, at: datetime) -> None:
    tx.tasks.delete([number], at + tasks.NAME_BLOCK)
    task_records.task_given_up(tx, task, _reason(reply), at)


def _reason(reply: Reply) -> str:
    return reply.reason or f"its last attempt was answered with HTTP {reply.status}"


def _decide(ended: Ended[Leased], task: Task, retry: RetryConfig) -> Decision:
    attempt = ended.leased.task.last_attempt
    assert attempt is not None
    return tasks.answered(task, attempt, ended.reply, retry, ended.at)
