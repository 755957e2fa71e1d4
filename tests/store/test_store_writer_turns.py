"""Whoever waits for the writer gets a turn, whatever the one before did with it."""

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gcptasks.base.errors import Busy
from gcptasks.store import writer
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


async def test_a_process_that_can_start_no_thread_waits_for_a_lock_on_its_loop(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: Any) -> None:
        raise RuntimeError("can't start new thread")

    await file_store.write(add_queue)
    monkeypatch.setattr(writer, "_PATIENCE_MS", 10)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", refused)
    other = sqlite3.connect(file_store.database.path or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy):
        await file_store.write(add_task)
    other.close()
    await file_store.write(add_task)
    assert len(file_store.read(all_tasks)) == 1


def test_who_watches_from_a_forked_process_is_its_parent_alone(store: Store) -> None:
    seen: list[object] = []
    end = store.watch(seen.append)
    store.forked()
    store.write_sync(add_task)
    assert seen == []
    end()
