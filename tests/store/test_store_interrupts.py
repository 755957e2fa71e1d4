"""A call that is interrupted, wherever it is, harms nobody: what was committed is answered, and the rest goes on."""

import asyncio
import contextlib
import gc
import math
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gcptasks.base.errors import StoreError
from gcptasks.engine.model import Task
from gcptasks.store import commit_place
from gcptasks.store.loop_lock import Hold
from gcptasks.store.store import Store
from gcptasks.store.tx import Changes, Tx
from gcptasks.store.writer import NotNow
from store.store_interrupts import Interrupt, Step, TimedOut, interrupt_at
from store.store_verbs import add_queue, add_task, all_tasks

# What is interrupted while it opens the database leaves that to the garbage collector, of which Python 3.13 tells.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")

SOON = 30.0
"""Seconds; all of it takes milliseconds, unless it hangs."""


class Neighbours:
    """Others in the same process: an event loop whose calls are in the same group, and a thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def wait_for(self, interrupted: Callable[[], object]) -> list[Task]:
        """Have calls wait on the loop while that runs, which takes them along; what they are answered."""
        waiting, go = threading.Event(), threading.Event()

        async def three() -> list[Task]:
            writing = [asyncio.ensure_future(self._store.write(add_task)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting.set()
            go.wait()
            return await asyncio.gather(*writing)

        answered = asyncio.run_coroutine_threadsafe(three(), self._loop)
        waiting.wait()
        interrupted()
        go.set()
        return answered.result(SOON)

    def write(self) -> Task:
        return asyncio.run_coroutine_threadsafe(self._store.write(add_task), self._loop).result(SOON)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def neighbours(store: Store) -> Iterator[Neighbours]:
    neighbours = Neighbours(store)
    yield neighbours
    neighbours.close()


class Told:
    """The numbers of the tasks that a dispatcher was told of."""

    def __init__(self, store: Store) -> None:
        self._numbers: set[int] = set()
        self._more = threading.Condition()
        store.watch(self)

    def __call__(self, changes: Changes) -> None:
        with self._more:
            self._numbers.update(arrival.due.number for arrival in changes.arrivals)
            self._more.notify_all()

    def take(self, wanted: set[int]) -> set[int]:
        """What was told until now, once it is all that, for a call is answered before it is told of."""
        with self._more:
            self._more.wait_for(lambda: self._numbers == wanted, SOON)
            told, self._numbers = self._numbers, set()
            return told


def numbers(tx: Tx) -> set[int]:
    return {row[0] for row in tx._sql.execute("SELECT id FROM tasks")}


def drop_tasks(tx: Tx) -> None:
    tx._sql.execute("DELETE FROM tasks")


def in_thread(call: Callable[..., Any], *args: Any) -> Any:
    outcome: Future[Any] = Future()
    threading.Thread(target=lambda: outcome.set_result(call(*args)), daemon=True).start()
    return outcome.result(SOON)


def locked_by_nobody(store: Store) -> bool:
    if store.database.path is None:
        return True
    with closing(sqlite3.connect(store.database.path, timeout=1, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
    return True


def each_step(interrupt: Callable[[int], bool]) -> None:
    """Interrupt at each step, until none is come to any more; where threads take part, it is not always as many."""
    number = unreached = 0
    while unreached < 5:
        number += 1
        unreached = 0 if interrupt(number) else unreached + 1
    assert number > 15, "nothing was interrupted"


@pytest.fixture(params=["line", pytest.param("opcode", marks=pytest.mark.slow)])
def step(request: pytest.FixtureRequest) -> Step:
    """At each line; and, slowly, at each step of a line."""
    step: Step = request.param
    return step


@pytest.mark.parametrize("kind", [Interrupt, TimedOut])
def test_a_write_may_be_interrupted_anywhere(
    store: Store, neighbours: Neighbours, kind: type[BaseException], step: Step
) -> None:
    store.write_sync(add_queue)
    store.read(all_tasks)
    told = Told(store)

    def interrupt(number: int) -> bool:
        outcome: list[tuple[bool, Task | None]] = []
        answers = neighbours.wait_for(
            lambda: outcome.append(interrupt_at(number, lambda: store.write_sync(add_task), step, kind))
        )
        assert locked_by_nobody(store)
        [(reached, own)] = outcome
        answers += [store.write_sync(add_task), neighbours.write(), in_thread(store.write_sync, add_task)]
        if own is not None:
            answers.append(own)
        now = {task.name.task for task in store.read(all_tasks)}
        new = {task.name.task for task in answers}
        assert len(new) == len(answers)
        assert new <= now
        assert len(now - new) <= (own is None)
        there = in_thread(store.read, numbers)
        assert told.take(there) == there
        store.write_sync(drop_tasks)
        return reached

    each_step(interrupt)


@pytest.mark.parametrize("slow", [math.inf, 0.0], ids=["commits on the loop", "in a thread"])
@pytest.mark.parametrize("kind", [Interrupt, TimedOut])
def test_writes_of_a_loop_may_be_interrupted_anywhere(
    store: Store,
    neighbours: Neighbours,
    kind: type[BaseException],
    slow: float,
    step: Step,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether it comes in one of the calls, which hears of it, or in what the loop does for all of them."""
    monkeypatch.setattr(commit_place, "_SLOW", slow)
    store.write_sync(add_queue)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)

    async def three() -> list[Task | BaseException]:
        async with asyncio.timeout(SOON):
            return await asyncio.gather(*(store.write(add_task) for _ in range(3)), return_exceptions=True)

    def interrupt(number: int) -> bool:
        reached, answers = interrupt_at(number, lambda: loop.run_until_complete(three()), step, kind)
        assert locked_by_nobody(store)
        tasks = [answer for answer in answers or [] if isinstance(answer, Task)]
        tasks += [neighbours.write(), store.write_sync(add_task), loop.run_until_complete(store.write(add_task))]
        now = {task.name.task for task in in_thread(store.read, all_tasks)}
        assert {task.name.task for task in tasks} <= now
        assert len(tasks) >= 5, "one may hear of the interruption, or nobody"
        assert len(now) <= 6
        store.write_sync(drop_tasks)
        return reached

    each_step(interrupt)
    loop.close()


def _read(store: Store) -> object:
    return store.read(all_tasks)


def _close(store: Store) -> None:
    store.close()
    store.open()


def _write_now(store: Store) -> object:
    with contextlib.suppress(NotNow):  # a neighbour writes just now, which is an answer as well
        store.write_unsynced_now(add_task)
    return None


def _data_version(store: Store) -> object:
    return store.data_version()


@pytest.mark.parametrize("call", [_read, _close, _write_now, _data_version])
def test_any_other_call_may_be_interrupted_anywhere(
    store: Store, neighbours: Neighbours, call: Callable[[Store], object], step: Step
) -> None:
    store.write_sync(add_queue)

    def interrupt(number: int) -> bool:
        reached, _ = interrupt_at(number, lambda: call(store), step)
        assert locked_by_nobody(store)
        tasks = [store.write_sync(add_task), neighbours.write()]
        assert {task.name for task in tasks} <= {task.name for task in store.read(all_tasks)}
        assert len(in_thread(store.read, all_tasks)) <= 3
        store.write_sync(drop_tasks)
        return reached

    each_step(interrupt)


def test_a_write_leaves_no_circles_to_the_garbage_collector(store: Store) -> None:
    """Each would cost more than the write."""
    store.write_sync(add_queue)
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            store.write_sync(add_task)
        assert gc.collect() < 100
    finally:
        gc.enable()


def test_an_interruption_that_somebody_keeps_does_not_keep_what_came_after_it(store: Store) -> None:
    """As a debugger or a monitoring tool keeps tracebacks, and with them all that the calls knew."""

    def interrupted(tx: Tx) -> None:
        raise Interrupt

    def holds() -> int:
        gc.collect()
        return sum(isinstance(one, Hold) for one in gc.get_objects())

    before = holds()  # of other tests
    with pytest.raises(Interrupt) as kept:
        store.write_sync(interrupted)
    for _ in range(100):
        store.write_sync(add_task)
    assert holds() - before < 20
    assert kept.value.__traceback__ is not None


def test_a_fault_of_a_verb_is_told_to_its_caller_alone(store: Store, neighbours: Neighbours) -> None:
    """It comes again when the verb is run again, so it is none of a signal's."""

    def faulty(tx: Tx) -> None:
        add_task(tx)
        raise ZeroDivisionError

    def write() -> None:
        with pytest.raises(ZeroDivisionError):
            store.write_sync(faulty)

    assert len(neighbours.wait_for(write)) == 3
    assert len(store.read(all_tasks)) == 3


def test_a_signal_handler_that_calls_while_its_own_thread_writes_gets_an_error_instead_of_waiting_for_ever(
    store: Store,
) -> None:
    def interrupted(tx: Tx) -> None:
        with pytest.raises(StoreError, match="interrupted for this one"):
            store.write_sync(add_task)

    store.write_sync(interrupted)
    assert store.read(all_tasks) == []
    store.write_sync(add_task)
    assert len(store.read(all_tasks)) == 1


@pytest.mark.slow
def test_a_storm_of_signals_loses_nothing_and_leaves_nobody_waiting(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "store.store_signals", str(tmp_path / "tasks.db"), "10"]
    ended = subprocess.run(
        program, cwd=Path(__file__).parent.parent, timeout=90, check=True, stdout=subprocess.PIPE, text=True
    )
    interruptions, answered, _ = map(int, ended.stdout.split())
    assert interruptions > 100
    assert answered > 100
