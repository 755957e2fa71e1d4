"""Whoever waits for the writer gets a turn, whatever the one before did with it."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from gcptasks.base.errors import Busy, StoreError
from gcptasks.engine.model import Task
from gcptasks.store import commit_place, writer
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from store.store_verbs import add_queue, add_task, all_tasks


class Gate:
    """A verb that goes on when it is told to."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self, tx: Tx) -> None:
        self.entered.set()
        assert self.go.wait(30)


async def turns(loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Let the loop do what it has to."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_write_that_came_while_a_thread_was_reading_is_committed(store: Store) -> None:
    """In memory, a reader has the writer's connection."""
    await store.write(add_queue)
    gate = Gate()
    reading = asyncio.create_task(asyncio.to_thread(store.read, gate))
    await asyncio.to_thread(gate.entered.wait)
    writing = asyncio.create_task(store.write(add_task))
    await turns()
    gate.go.set()
    await writing
    await reading
    assert len(store.read(all_tasks)) == 1


async def test_a_write_that_came_while_a_thread_was_writing_is_committed(store: Store) -> None:
    gate = Gate()
    first = asyncio.create_task(asyncio.to_thread(store.write_sync, gate))
    await asyncio.to_thread(gate.entered.wait)
    writing = asyncio.create_task(store.write(add_task))
    await turns()
    gate.go.set()
    await writing
    await first


def test_a_loop_that_was_turned_away_and_closed_costs_nobody_anything(store: Store) -> None:
    """What is in memory stays, too."""
    store.write_sync(add_task)
    gate = Gate()
    thread = threading.Thread(target=store.write_sync, args=(gate,))
    thread.start()
    gate.entered.wait()

    async def abandon() -> None:
        writing = asyncio.ensure_future(store.write(add_task))
        await turns()
        writing.cancel()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(abandon())
    loop.close()
    gate.go.set()
    thread.join()
    store.write_sync(add_task)
    assert len(store.read(all_tasks)) == 3


@contextmanager
def locked_by_another(store: Store) -> Generator[None]:
    """While another process, as it were, writes to the file: a connection of its own has SQLite's lock."""
    other = sqlite3.connect(store.database.path or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


@pytest.mark.parametrize("calls", [300, 1000])
async def test_every_call_that_waited_for_another_process_is_answered(file_store: Store, calls: int) -> None:
    """Also those beyond the first group, and though no other call comes."""
    await file_store.write(add_queue)
    with locked_by_another(file_store):
        writing = asyncio.gather(*(file_store.write(add_task) for _ in range(calls)))
        await turns()
        assert not writing.done()
    async with asyncio.timeout(30):
        assert len(await writing) == calls
    assert len(file_store.read(all_tasks)) == calls


def test_every_loop_is_answered_that_waited_for_another_process(file_store: Store) -> None:
    file_store.write_sync(add_queue)
    waiting = threading.Barrier(5)

    async def many() -> int:
        writing = asyncio.gather(*(file_store.write(add_task) for _ in range(300)))
        await turns()
        waiting.wait()
        async with asyncio.timeout(30):
            return len(await writing)

    with ThreadPoolExecutor(4) as threads:
        with locked_by_another(file_store):
            answered = [threads.submit(asyncio.run, many()) for _ in range(4)]
            waiting.wait()
        assert [loop.result() for loop in answered] == [300] * 4
    assert len(file_store.read(all_tasks)) == 1200


async def test_a_verb_that_is_interrupted_each_time_fails_alone(store: Store) -> None:
    """The loop goes on after what is no `Exception`, unless it is Ctrl-C."""

    class Interrupt(BaseException):
        pass

    def interrupted(tx: Tx) -> None:
        raise Interrupt

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    verbs: list[Callable[[Tx], object]] = [interrupted, *[add_task] * 300]
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(store.write(verb) for verb in verbs), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreError] + [Task] * 300


def refuse_to_start(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


async def test_a_process_that_can_start_no_thread_waits_for_a_lock_on_its_loop(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await file_store.write(add_queue)
    monkeypatch.setattr(writer, "_PATIENCE_ON_LOOP", 0.01)
    monkeypatch.setattr(threading.Thread, "start", refuse_to_start)
    with locked_by_another(file_store), pytest.raises(Busy):
        await file_store.write(add_task)
    await file_store.write(add_task)
    assert len(file_store.read(all_tasks)) == 1


async def test_what_the_loop_did_for_want_of_a_thread_is_not_done_again_by_the_next_thread(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_place, "_SLOW", 0.0)  # any disk is slow now, so that commits go to a thread
    await file_store.write(add_queue)
    with monkeypatch.context() as short:
        short.setattr(threading.Thread, "start", refuse_to_start)
        await file_store.write(add_task)
    await file_store.write(add_task)
    assert len(file_store.read(all_tasks)) == 2


def test_who_watches_from_a_forked_process_is_its_parent_alone(store: Store) -> None:
    seen: list[object] = []
    end = store.watch(seen.append)
    store.begin_anew_after_fork(spoilt=False)
    store.write_sync(add_task)
    assert seen == []
    end()
