"""Verbs for tests of the store: small, and each with something to see afterwards."""

from datetime import UTC, datetime, timedelta

from gcptasks.base.names import parse_queue
from gcptasks.engine.model import HttpRequest, Queue, Task
from gcptasks.store.due import BEGINNING
from gcptasks.store.tx import Tx

QUEUE = parse_queue("projects/p/locations/l/queues/q")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def add_queue(tx: Tx) -> None:
    if tx.queues.find(QUEUE) is None:
        tx.queues.insert(Queue(name=QUEUE))


def add_task(tx: Tx, at: datetime = NOW, body: bytes = b"") -> Task:
    """Add an unnamed task that is due at `at`."""
    add_queue(tx)
    queue = tx.queues.find(QUEUE)
    assert queue is not None
    number = tx.tasks.new_number()
    task = Task(
        name=tx.tasks.made_name(queue, number),
        request=HttpRequest(url="http://app.local/", body=body),
        created_at=NOW,
        scheduled_at=at,
        dispatch_deadline=timedelta(minutes=10),
    )
    tx.tasks.insert(queue, number, task, named=False)
    tx.arrived(QUEUE, number, at)
    return task


def all_tasks(tx: Tx) -> list[Task]:
    queue = tx.queues.find(QUEUE)
    if queue is None:
        return []
    return [stored.task for stored in tx.tasks.page(queue, BEGINNING, 100_000, 2**40, bodies=True)]


class Refused(Exception):
    pass


def add_task_and_refuse(tx: Tx) -> None:
    add_task(tx)
    raise Refused


def break_the_database(tx: Tx) -> None:
    tx.queues.insert(Queue(name=QUEUE))
    tx.queues.insert(Queue(name=QUEUE))
