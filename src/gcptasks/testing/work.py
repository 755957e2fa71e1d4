"""What is to be done in a test: an attempt that has begun, of a task or of a job."""

from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from gcptasks.base.names import QueueName, parse_task
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import QueueState, Reply, View
from gcptasks.service import dispatch, scheduling
from gcptasks.service.dispatch import Ended, Wanted
from gcptasks.service.leased_records import Workers
from gcptasks.store.due import BEGINNING
from gcptasks.store.executions import Begun
from gcptasks.store.leases import Leased
from gcptasks.store.times import from_us, to_us
from gcptasks.store.tx import Tx
from gcptasks.testing.service import TestService, all_queues
from gcptasks.wire.cloud_tasks.tasks import task_message


class Work(NamedTuple):
    """An attempt that has begun."""

    name: str
    """Of the task, or of the job, in full."""
    attempt: int
    """1 for the first."""
    task: Any
    """Google's raw message of the task; None of a job."""
    outgoing: Callable[[], Outgoing]
    """What is sent; raises `DeliveryError` for what cannot be."""
    end: Callable[[Reply], None]
    """Write down how it ended."""


class DueTask(NamedTuple):
    """A task that is due, or will be."""

    at: datetime
    number: int
    queue: QueueName


class WorkList:
    """Begins attempts, the earliest first. Rates and limits of queues count for nothing; one that is paused waits.

    The verbs are those of the service's own dispatcher and scheduler.
    """

    def __init__(self, service: TestService) -> None:
        self._service = service
        self._store = service.store
        self._forced: deque[Leased] = deque()

    def next_at(self, until: datetime, last: Collection[str]) -> datetime | None:
        """When the first one is due, if it is by then. Tasks of the names in `last` come after all that are due."""
        if self._asked_for():
            return self._service.clock.now()
        task, job_at = self._first_task(until, last), self._first_job(until)
        return min((at for at in (None if task is None else task.at, job_at) if at is not None), default=None)

    def begin_next(self, last: Collection[str], *, jobs_alone: bool = False) -> Work | None:
        """The first one that is due now; None if none is."""
        now = self._service.clock.now()
        while True:
            if self._asked_for():
                return self._of_task(self._forced.popleft())
            task, job_at = None if jobs_alone else self._first_task(now, last), self._first_job(now)
            if job_at is not None and (task is None or job_at < task.at):
                # It may begin nothing: a time is skipped while an execution is not over.
                for begun in self._store.write_sync_unsynced(scheduling.begin, now, 1, 1):
                    return self._of_job(begun)
            elif task is not None:
                for leased in self._lease(Wanted({task.queue: [task.number]})):
                    return self._of_task(leased)
            else:
                return None

    def _first_task(self, until: datetime, last: Collection[str]) -> DueTask | None:
        return self._store.read(first_task, until, last)

    def _first_job(self, until: datetime) -> datetime | None:
        at = self._store.read(scheduling.next_due, attempts=True)
        return at if at is not None and at <= until else None

    def _asked_for(self) -> bool:
        """Whether RunTask asked for any."""
        if not self._forced:
            self._forced.extend(self._lease(Wanted(forced=True)))
        return bool(self._forced)

    def _lease(self, wanted: Wanted) -> list[Leased]:
        workers = Workers(self._service.recorded_here, lambda url: True)
        return self._store.write_sync_unsynced(dispatch.lease, wanted, self._service.clock.now(), workers)

    def _of_task(self, leased: Leased) -> Work:
        task = task_message(leased.task, View.FULL)

        def outgoing() -> Outgoing:
            if not leased.unread:
                return dispatch.outgoing(self._service.policy.app_engine, leased)
            read = partial(dispatch.large_outgoing, self._service.policy.app_engine)
            found = self._store.read(read, leased)
            assert found is not None  # nobody else writes meanwhile
            return found

        def end(reply: Reply) -> None:
            ended = [Ended(leased, reply, self._service.clock.now())]
            self._store.write_sync_unsynced(dispatch.acknowledge, ended)

        return Work(str(leased.name), leased.task.dispatch_count, task, outgoing, end)

    def _of_job(self, begun: Begun) -> Work:
        def outgoing() -> Outgoing:
            if not begun.unread:
                return scheduling.outgoing(self._service.policy.app_engine, begun)
            read = partial(scheduling.large_outgoing, self._service.policy.app_engine)
            found = self._store.read(read, begun)
            assert found is not None
            return found

        def end(reply: Reply) -> None:
            ended = [Ended(begun, reply, self._service.clock.now())]
            self._store.write_sync_unsynced(scheduling.acknowledge, ended, self._service.policy)

        return Work(str(begun.name), begun.execution.attempts, None, outgoing, end)


def first_task(tx: Tx, until: datetime, last: Collection[str] = ()) -> DueTask | None:
    """The first task that is due by then, of all queues that run; None if none is.

    Those whose full names are in `last` come after all others.
    """
    latest = {number for name in last if (number := _number(tx, name)) is not None}
    due = [
        DueTask(from_us(one.at), one.number, stored.queue.name)
        for stored in all_queues(tx)
        if stored.queue.state is QueueState.RUNNING
        for one in tx.leases.due(stored, BEGINNING, to_us(until), len(latest) + 1)
    ]
    return min(due, key=lambda task: (task.number in latest, task.at, task.number), default=None)


def _number(tx: Tx, name: str) -> int | None:
    task = parse_task(name)
    queue = tx.queues.find(task.queue)
    found = None if queue is None else tx.tasks.find(queue, task.task, body=False)
    return None if found is None else found.number
