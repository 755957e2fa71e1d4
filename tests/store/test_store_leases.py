from datetime import timedelta

from gcptasks.engine import tasks
from gcptasks.engine.model import Task
from gcptasks.store.leases import Leased
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from store.store_verbs import NOW, QUEUE, add_task, all_tasks

LATER = NOW + timedelta(seconds=1)


def begin(tx: Tx, *asked: Task, forced: bool = False) -> list[Leased]:
    queue = tx.queues.find(QUEUE)
    assert queue is not None
    found = [tx.tasks.find(queue, task.name.task) for task in asked]
    return tx.leases.begin([queue], [one.number for one in found if one is not None], LATER, forced=forced)


def test_a_lease_does_what_the_rule_says(store: Store) -> None:
    task = store.write_sync(add_task)
    first = tasks.dispatched(task, LATER)
    (leased,) = store.write_sync(begin, task)
    assert (leased.task, leased.previous_status) == (first, None)
    (again,) = store.write_sync(begin, task)
    assert again.task == tasks.dispatched(first, LATER)
    assert store.read(all_tasks) == [again.task]


def test_leases_come_in_the_order_asked_for(store: Store) -> None:
    made = [store.write_sync(add_task) for _ in range(5)]
    asked = [made[index] for index in (3, 0, 4, 1, 2)]
    leased = store.write_sync(begin, *asked)
    assert [one.task.name for one in leased] == [task.name for task in asked]


def test_a_task_that_is_not_due_is_leased_only_if_forced(store: Store) -> None:
    task = store.write_sync(add_task, LATER + timedelta(microseconds=1))
    assert store.write_sync(begin, task) == []
    (leased,) = store.write_sync(begin, task, forced=True)
    assert leased.task.dispatch_count == 1


def test_an_attempt_that_was_asked_for_is_given_out_once(store: Store) -> None:
    """A task may be asked for several times, and be gone before it is given out."""

    def force(tx: Tx, *numbers: int) -> None:
        for number in numbers:
            tx.leases.force(number)

    def take(tx: Tx) -> list[int]:
        return [number for number, _ in tx.leases.take_forced(100)]

    def number_of(tx: Tx, task: Task) -> int:
        queue = tx.queues.find(QUEUE)
        assert queue is not None
        found = tx.tasks.find(queue, task.name.task)
        assert found is not None
        return found.number

    first, second = (store.write_sync(number_of, store.write_sync(add_task)) for _ in range(2))
    store.write_sync(force, first, first, first, second)
    store.write_sync(lambda tx: tx.tasks.delete([second], LATER))
    assert [store.write_sync(take), store.write_sync(take)] == [[first] * 3, []]
    store.write_sync(force, first)
    assert [store.write_sync(take), store.write_sync(take)] == [[first], []]
