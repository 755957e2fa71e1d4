"""Whoever is told that the database is locked finds nothing done, though another thread took the verb along."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from gcptasks.base.errors import Busy
from gcptasks.base.names import LocationName, QueueName
from gcptasks.engine.model import Queue
from gcptasks.store import writer
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx

LOCATION = LocationName("p", "l")
THREADS = 8
LASTS = 1.0


def add(tx: Tx, name: QueueName) -> None:
    tx.queues.insert(Queue(name=name))


def names(tx: Tx) -> set[str]:
    return {queue.name.queue for queue in tx.queues.page(LOCATION, "", 100_000)}


def lock_now_and_then(path: Path, until: float) -> None:
    """As another process that keeps the database locked for longer than anybody has patience, and lets go."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
        while time.monotonic() < until:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                continue
            time.sleep(0.03)
            other.rollback()
            time.sleep(0.005)


def test_a_call_that_is_told_busy_did_nothing(file_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """CT-007: Busy is UNAVAILABLE to callers."""
    monkeypatch.setattr(writer, "_PATIENCE", 0.01)
    file_store.read(names)
    until = time.monotonic() + LASTS

    def keep_adding(thread: int) -> dict[str, bool]:
        """Whether each was accepted."""
        accepted = dict[str, bool]()
        while time.monotonic() < until:
            id_ = f"{thread}-{len(accepted)}"
            try:
                file_store.write_sync(add, QueueName(LOCATION, id_))
            except Busy:
                accepted[id_] = False
            else:
                accepted[id_] = True
        return accepted

    assert file_store.file is not None
    with ThreadPoolExecutor(THREADS + 1) as threads:
        locking = threads.submit(lock_now_and_then, file_store.file, until)
        outcomes = {
            id_: is_there for said in threads.map(keep_adding, range(THREADS)) for id_, is_there in said.items()
        }
        locking.result()
    assert file_store.read(names) == {id_ for id_, accepted in outcomes.items() if accepted}
