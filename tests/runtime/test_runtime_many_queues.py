"""Many queues: what one of them costs does not grow with the others, and each has its turn."""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.events import Events
from gcptasks.base.names import QueueName
from gcptasks.engine import queues as queue_rules
from gcptasks.engine import tasks as task_rules
from gcptasks.engine.model import HttpRequest, NewTask
from gcptasks.runtime.lane import Lane
from gcptasks.runtime.lanes import Lanes
from gcptasks.runtime.other_writers import Others, OtherWriters
from gcptasks.service import dispatch
from gcptasks.service.dispatch import Wanted
from gcptasks.store.database import parse_database
from gcptasks.store.leases import Leased
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from runtime.runtime_doubles import START
from store.store_verbs import QUEUE

EVERY = timedelta(milliseconds=60)
"""After so long it is asked again whether another process has written."""


def name(number: int) -> QueueName:
    return QueueName(QUEUE.location, f"q{number}")


def add_queues(tx: Tx, numbers: range) -> None:
    for number in numbers:
        tx.queues.insert(queue_rules.defaults(name(number)))
        tx.changes.queues.append(name(number))


def add_tasks(tx: Tx, number: int, count: int, at: datetime = START) -> None:
    queue = tx.queues.find(name(number))
    assert queue is not None
    for _ in range(count):
        new = NewTask(queue=name(number), name=None, request=HttpRequest(url="http://worker.test/"))
        task_number = tx.tasks.new_number()
        task = task_rules.create(new, tx.tasks.made_name(queue, task_number), at).task
        assert task is not None
        tx.tasks.insert(queue, task_number, task, named=False)
        tx.arrived(name(number), task_number, task.scheduled_at)


def add_task_to_each(tx: Tx, queues: int, at: datetime) -> None:
    for number in range(queues):
        add_tasks(tx, number, 1, at)


class Work:
    """Counts what is done: calls of functions in Python, and steps of SQLite's machine."""

    def __init__(self) -> None:
        self.done = 0

    def count(self, *_: Any) -> None:
        self.done += 1


class Many:
    """The lanes of a file with many idle queues, and another process on it."""

    def __init__(self, path: Path, queues: int) -> None:
        self.store, self.other = (Store(parse_database(str(path)), Events()) for _ in range(2))
        self.store.write_sync(add_queues, range(queues))
        self.queues = queues
        self.now = START
        self.lanes = Lanes(self.store)
        self._others = OtherWriters(self.store)
        self.store.watch(self.lanes.note)
        self.settle()

    def settle(self) -> None:
        """Take steps until there is nothing to do."""
        for _ in range(self.queues):
            self.step()
            if (at := self.lanes.next_at(self.now)) is not None and at > self.now:
                return
        raise AssertionError("there is no end to it")

    def step(self) -> Wanted:
        return self.lanes.take(self.now, 100, self._others.look(self.now))

    def do(self) -> list[str]:
        """Take a step, and be done at once with the tasks that it starts; their queues."""
        wanted = self.step()
        self.lanes.begun(wanted, leased := self.store.write_sync(dispatch.lease, wanted, self.now))
        self.store.write_sync(drop, leased)
        self.lanes.over(leased)
        return [one.name.queue.queue for one in leased]

    def work_of_a_step(self) -> int:
        """How much the next step does."""
        work = Work()
        reader = self.store._reader._opened
        assert reader is not None
        reader.set_progress_handler(work.count, 1)
        sys.setprofile(work.count)
        try:
            self.step()
        finally:
            sys.setprofile(None)
            reader.set_progress_handler(None, 1)
        return work.done

    def new_queue(self) -> int:
        self.store.write_sync(add_queues, range(self.queues, self.queues + 1))
        self.queues += 1
        return self.work_of_a_step()

    def anothers_task(self) -> int:
        self.other.write_sync(add_tasks, 0, 1)
        self.now += EVERY
        return self.work_of_a_step()

    def anothers_queue(self) -> int:
        self.other.write_sync(add_queues, range(self.queues, self.queues + 1))
        self.queues += 1
        self.now += EVERY
        return self.work_of_a_step()

    def all_anew(self) -> int:
        """All is read again, as at a start: how much the step does that does the most."""
        self.store.write_sync(add_tasks, 0, 1)
        self.lanes.reread()
        return self.most_work()

    def due_at_once(self) -> int:
        """Something is due in every queue, all at once."""
        self.other.write_sync(add_task_to_each, self.queues, self.now)
        return self.all_anew()

    def due_later(self) -> int:
        """Something was planned in every queue, and the time comes at which it is read."""
        self.store.write_sync(add_task_to_each, self.queues, self.now + timedelta(hours=1))
        self.now += timedelta(hours=1)
        return self.most_work()

    def most_work(self) -> int:
        """How much the step does that does the most, of those to come."""
        return max(self.work_of_a_step() for _ in range(self.queues // 50))

    def close(self) -> None:
        self.store.close()
        self.other.close()


@contextmanager
def many(path: Path, queues: int) -> Generator[Many]:
    made = Many(path, queues)
    try:
        yield made
    finally:
        made.close()


EVENTS: list[Callable[[Many], int]] = [Many.new_queue, Many.anothers_task, Many.anothers_queue]


def compare(folder: Path, event: Callable[[Many], int], few: int, more: int, most: float = 1.5) -> None:
    work: list[int] = []
    for queues in (few, more):
        with many(folder / f"{queues}.db", queues) as made:
            event(made)  # the first makes what the later ones find
            work.append(min(event(made) for _ in range(3)))
    assert work[1] < work[0] * most, work


@pytest.mark.parametrize("event", EVENTS)
def test_what_happens_to_one_queue_costs_the_same_however_many_there_are(
    tmp_path: Path, event: Callable[[Many], int]
) -> None:
    compare(tmp_path, event, 10, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("event", EVENTS)
def test_so_it_does_with_ten_thousand(tmp_path: Path, event: Callable[[Many], int]) -> None:
    compare(tmp_path, event, 10, 10_000)


@pytest.mark.parametrize("event", [Many.all_anew, Many.due_at_once])
def test_no_step_reads_more_than_some_queues(tmp_path: Path, event: Callable[[Many], int]) -> None:
    compare(tmp_path, event, 500, 2000)


def test_no_step_reads_the_tasks_of_more_than_some_queues(tmp_path: Path) -> None:
    # That they are due is found in one step.
    compare(tmp_path, Many.due_later, 500, 2000, most=2.8)


def test_a_queue_that_another_process_deleted_is_forgotten(tmp_path: Path) -> None:
    def lanes() -> int:
        gc.collect()
        return sum(type(one) is Lane for one in gc.get_objects())

    before = lanes()
    with many(tmp_path / "tasks.db", 3) as made:
        assert lanes() - before == 3
        made.other.write_sync(delete)
        made.store.write_sync(add_queues, range(3, 4))
        made.now += timedelta(seconds=6)
        made.settle()
        assert lanes() - before == 3
        made.store.write_sync(add_tasks, 3, 1)
        assert list(made.step().tasks) == [name(3)]


def delete(tx: Tx) -> None:
    found = tx.queues.find(name(0))
    assert found is not None
    tx.queues.delete(found, START)


def test_what_is_written_while_all_is_read_anew_starts_once(tmp_path: Path) -> None:
    """By this process or another, in queues that were read already and in those that were not."""
    with many(tmp_path / "tasks.db", 1000) as made:
        made.lanes.reread()
        started = Counter[str]()
        for _ in range(12):
            for store in (made.store, made.other):
                for number in (1, 999):
                    store.write_sync(add_tasks, number, 1)
            made.now += EVERY
            started.update(made.do())
        for _ in range(10):
            made.now += EVERY
            started.update(made.do())
        assert started == {"q1": 24, "q999": 24}


def test_the_tasks_of_another_process_start_however_many_come_at_once(tmp_path: Path) -> None:
    with many(tmp_path / "tasks.db", 3) as made:
        for number in range(3):
            made.other.write_sync(add_tasks, number, 1100)
        made.now += EVERY
        started: Counter[str] = Counter()
        for _ in range(200):
            started.update(made.do())
            made.now += EVERY
        assert started == {"q0": 1100, "q1": 1100, "q2": 1100}


def drop(tx: Tx, leased: list[Leased]) -> None:
    tx.tasks.delete([one.number for one in leased], START)


def test_what_another_process_does_to_a_queue_is_seen(tmp_path: Path) -> None:
    with many(tmp_path / "tasks.db", 1) as made:
        made.other.write_sync(pause)
        made.other.write_sync(add_tasks, 0, 1)
        made.now += EVERY
        assert not made.step().tasks
        made.other.write_sync(resume)
        made.now += EVERY
        assert list(made.step().tasks) == [name(0)]


def pause(tx: Tx) -> None:
    found = tx.queues.find(name(0))
    assert found is not None
    tx.queues.save(queue_rules.paused(found.queue))


def resume(tx: Tx) -> None:
    found = tx.queues.find(name(0))
    assert found is not None
    tx.queues.save(queue_rules.resumed(found.queue))


def test_a_task_that_is_due_later_starts_then_though_its_queue_was_idle_for_long(tmp_path: Path) -> None:
    with many(tmp_path / "tasks.db", 2) as made:
        made.now += timedelta(hours=3)
        assert not made.step().tasks
        made.store.write_sync(add_tasks, 1, 1)
        assert list(made.step().tasks) == [name(1)]


@given(
    backlogs=st.lists(st.integers(1, 12), min_size=2, max_size=12),
    most=st.integers(1, 8),
    ends=st.lists(st.integers(0, 8), min_size=1, max_size=20),
)
def test_no_queue_with_work_is_ever_more_than_one_turn_behind_another(
    backlogs: list[int], most: int, ends: list[int]
) -> None:
    """Whatever is under way meanwhile: `ends` says how many attempts end after each step."""
    store = Store(parse_database("memory:"), Events())
    store.write_sync(add_queues, range(len(backlogs)))
    for number, count in enumerate(backlogs):
        store.write_sync(add_tasks, number, count)
    lanes = Lanes(store)
    left = {name(number): count for number, count in enumerate(backlogs)}
    turns, under_way = Counter[QueueName](), list[Leased]()
    for step in range(sum(backlogs) * 2):
        wanted = lanes.take(START, most, Others.SILENT)
        lanes.begun(wanted, leased := store.write_sync(dispatch.lease, wanted, START))
        under_way += leased
        turns.update(wanted.tasks.keys())
        for one in leased:
            left[one.name.queue] -= 1
        with_work = [turns[queue] for queue, count in left.items() if count]
        assert not with_work or max(turns.values()) - min(with_work) <= 1
        over, under_way = under_way[: (n := ends[step % len(ends)])], under_way[n:]
        store.write_sync(drop, over)
        lanes.over(over)
    assert not any(left.values())
