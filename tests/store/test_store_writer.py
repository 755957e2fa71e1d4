import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gcptasks.base.errors import Busy, Corrupt, DiskFull, StoreError, WrongSchema
from gcptasks.base.events import Event, Events, QueueChange, QueueChanged
from gcptasks.store import commit_place, connection, log_file, writer
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.store.tx import Changes, Tx
from store.store_verbs import (
    NOW,
    QUEUE,
    Refused,
    add_queue,
    add_task,
    add_task_and_refuse,
    all_tasks,
    break_the_database,
)


def commits(store: Store) -> list[Changes]:
    """The commits from now on that changed something."""
    seen: list[Changes] = []
    store.watch(seen.append)
    return seen


async def all_told(seen: list[Changes], tasks: int) -> None:
    """Return once so many have been told: a thread that synced tells after it has answered."""
    while sum(len(changes.arrivals) for changes in seen) < tasks:
        await asyncio.sleep(0)


async def test_what_is_written_in_one_turn_of_the_loop_is_one_commit(store: Store) -> None:
    seen = commits(store)
    await asyncio.gather(*(store.write(add_task) for _ in range(50)))
    await all_told(seen, 50)
    assert [len(changes.arrivals) for changes in seen] == [50]
    assert len(store.read(all_tasks)) == 50


async def test_a_refusal_undoes_its_own_verb_and_no_other(store: Store) -> None:
    answers = await asyncio.gather(
        store.write(add_task), store.write(add_task_and_refuse), store.write(add_task), return_exceptions=True
    )
    assert isinstance(answers[1], Refused)
    assert [task.name for task in store.read(all_tasks)] == [answers[0].name, answers[2].name]  # type: ignore[union-attr]  # the others are tasks


async def test_the_file_is_as_it_was_after_a_refusal(tmp_path: Path) -> None:
    store = Store(parse_database(f"sqlite:///{tmp_path}/tasks.db"), Events())
    await store.write(add_task)
    with closing(sqlite3.connect(tmp_path / "tasks.db")) as reader:
        before = list(reader.iterdump())
        with pytest.raises(Refused):
            await store.write(add_task_and_refuse)
        assert list(reader.iterdump()) == before
    store.close()


async def test_tasks_after_a_refusal_have_names_of_their_own(store: Store) -> None:
    await asyncio.gather(store.write(add_task_and_refuse), store.write(add_task), return_exceptions=True)
    await asyncio.gather(store.write(add_task), store.write(add_task_and_refuse), return_exceptions=True)
    await store.write(add_task)
    assert len({task.name for task in store.read(all_tasks)}) == 3


async def test_a_verb_that_is_refused_leaves_nothing_to_tell(store: Store) -> None:
    seen, told = commits(store), list[Event]()
    store.events.subscribe(told.append)

    def say_all_and_refuse(tx: Tx) -> None:
        add_task(tx)
        tx.happened([QueueChanged(QUEUE, QueueChange.CREATED, NOW)])
        tx.changes.queues.append(QUEUE)
        tx.changes.forced = True
        raise Refused

    with pytest.raises(Refused):
        await store.write(say_all_and_refuse)
    assert (seen, told) == ([], [])
    await asyncio.gather(store.write(add_task), store.write(say_all_and_refuse), return_exceptions=True)
    await all_told(seen, 1)
    assert [(len(changes.arrivals), changes.queues, changes.forced) for changes in seen] == [(1, [], False)]
    assert told == []


async def test_a_transaction_that_fails_fails_all_its_verbs_and_the_next_one_works(store: Store) -> None:
    answers = await asyncio.gather(
        store.write(add_task_and_refuse), store.write(add_task), store.write(break_the_database), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Refused, StoreError, StoreError]
    assert store.read(all_tasks) == []
    task = await store.write(add_task)
    assert store.read(all_tasks) == [task]


def test_a_blocking_write_needs_no_loop(store: Store) -> None:
    task = store.write_sync(add_task)
    assert store.read(all_tasks) == [task]


async def test_a_blocking_write_on_the_loop_takes_along_what_waits_on_the_loop(store: Store) -> None:
    seen = commits(store)
    waiting = asyncio.create_task(store.write(add_task))
    await asyncio.sleep(0)  # it is queued, its commit comes in the next turn
    store.write_sync(add_task)
    await waiting
    await all_told(seen, 2)
    assert [len(changes.arrivals) for changes in seen] == [2]


async def test_threads_and_the_loop_write_at_once_and_nothing_is_lost(store: Store) -> None:
    def in_thread() -> None:
        for _ in range(50):
            store.write_sync(add_task)

    threads = [asyncio.to_thread(in_thread) for _ in range(4)]
    await asyncio.gather(*threads, *(store.write(add_task) for _ in range(300)))
    names = {task.name for task in store.read(all_tasks)}
    assert len(names) == 500


def test_several_loops_write_at_once(store: Store) -> None:
    async def some() -> None:
        for _ in range(20):
            await asyncio.gather(*(store.write(add_task) for _ in range(3)))

    threads = [threading.Thread(target=asyncio.run, args=(some(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.read(all_tasks)) == 240


def test_a_write_that_its_closed_loop_left_behind_is_committed_with_the_next(store: Store) -> None:
    async def abandon() -> None:
        writing = asyncio.ensure_future(store.write(add_task))
        await asyncio.sleep(0)
        writing.cancel()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(abandon())
    loop.close()
    store.write_sync(add_task)
    assert len(store.read(all_tasks)) == 2


async def test_commits_of_a_slow_disk_are_synced_in_a_thread(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_place, "_SLOW", 0.0)  # any disk is slow now
    plain = log_file.sync_file
    threads: list[str] = []

    def sync(file: int) -> None:
        threads.append(threading.current_thread().name)
        plain(file)

    monkeypatch.setattr(log_file, "sync_file", sync)
    for _ in range(3):
        await file_store.write(add_task)
    await asyncio.gather(*(file_store.write(add_task) for _ in range(5)))
    assert threads[0] == "MainThread"
    assert all(name.startswith("gcptasks-commit") for name in threads[1:])
    assert len(file_store.read(all_tasks)) == 8


async def test_more_than_one_group_waits_its_turn(store: Store) -> None:
    seen = commits(store)
    await asyncio.gather(*(store.write(add_task) for _ in range(600)))
    await all_told(seen, 600)
    assert [len(changes.arrivals) for changes in seen] == [256, 256, 88]


async def test_a_lock_of_another_process_holds_up_the_write_but_not_the_loop(file_store: Store) -> None:
    await file_store.write(add_queue)
    other = sqlite3.connect(file_store.database.path or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(file_store.write(add_task))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()
    task = await writing
    assert file_store.read(all_tasks) == [task]


async def test_a_lock_that_is_never_let_go_is_an_error_that_says_so(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await file_store.write(add_queue)
    for patience in ("_PATIENCE", "_PATIENCE_ON_LOOP"):
        monkeypatch.setattr(writer, patience, 0.01)
    other = sqlite3.connect(file_store.database.path or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="locked by another process"):
        await file_store.write(add_task)
    with pytest.raises(Busy):
        file_store.write_sync(add_task)
    other.close()
    assert file_store.read(all_tasks) == []


def test_what_another_process_did_to_a_queue_is_seen_by_the_next_verb(tmp_path: Path) -> None:
    one, other = (Store(parse_database(str(tmp_path / "tasks.db")), Events()) for _ in range(2))
    one.write_sync(add_task)

    def drop(tx: Tx) -> None:
        stored = tx.queues.find(QUEUE)
        assert stored is not None
        tx.queues.delete(stored, NOW)

    before = one.data_version()
    other.write_sync(drop)
    assert one.data_version() != before
    assert one.write_sync(lambda tx: tx.queues.find(QUEUE)) is None
    one.close()
    other.close()


def test_what_another_process_wrote_while_the_file_was_closed_is_noticed(tmp_path: Path) -> None:
    one, other = (Store(parse_database(str(tmp_path / "tasks.db")), Events()) for _ in range(2))
    one.write_sync(add_queue)
    before = one.data_version()
    one.close()  # as before a fork, and after an interruption
    other.write_sync(add_task)
    assert one.data_version() != before
    one.close()
    other.close()


def test_own_writes_do_not_look_like_those_of_another_process(file_store: Store) -> None:
    file_store.write_sync(add_queue)
    before = file_store.data_version()
    file_store.write_sync(add_task)
    assert file_store.data_version() == before


def test_a_closed_store_opens_again_with_what_was_in_it(store: Store) -> None:
    task = store.write_sync(add_task)
    store.close()
    store.close()
    assert store.read(all_tasks) == [task]
    store.write_sync(add_task)
    assert len(store.read(all_tasks)) == 2


def test_a_number_is_never_given_twice(file_store: Store) -> None:
    """Or the id of a finished unnamed task would come back."""

    def add_and_drop(tx: Tx) -> str:
        task = add_task(tx)
        queue = tx.queues.find(QUEUE)
        assert queue is not None
        found = tx.tasks.find(queue, task.name.task)
        assert found is not None
        tx.tasks.delete([found.number], NOW)
        return task.name.task

    ids: list[str] = []
    for _ in range(5):
        ids.append(file_store.write_sync(add_and_drop))
        file_store.close()
    assert len(set(ids)) == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_connection_of_its_own(tmp_path: Path) -> None:
    """In a process of its own, since a test process has threads and a fork of it warns."""
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from gcptasks.base.events import Event, Events, QueueChanged
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from store_verbs import add_task, all_tasks
store = Store(parse_database({str(tmp_path / "tasks.db")!r}), Events())
store.write_sync(add_task)
child = os.fork()
store.write_sync(add_task)
if child == 0:
    os._exit(0 if len(store.read(all_tasks)) >= 2 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert len(store.read(all_tasks)) == 3
store.write_sync(add_task)
store.close()
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("program", ["store_fork", "store_fork_opening"])
def test_a_child_that_is_forked_while_a_thread_keeps_the_writer_is_refused(tmp_path: Path, program: str) -> None:
    command = [sys.executable, "-m", f"store.{program}", str(tmp_path / "tasks.db")]
    subprocess.run(command, check=True, cwd=Path(__file__).parent.parent)


def _a_newer_schema(path: Path) -> None:
    store = Store(parse_database(str(path)), Events())
    store.open()
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def _no_database(path: Path) -> None:
    path.write_bytes(b"This is a text about something else entirely." * 100)


def _a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("prepare", "error", "text"),
    [
        (_a_newer_schema, WrongSchema, r"has schema 99, this version of fastapi-gcp-tasks knows [0-9]+: upgrade"),
        (_no_database, Corrupt, "is not a database of this service"),
        (_a_folder, StoreError, "cannot be written: Is a directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, prepare: Callable[[Path], None], error: type[StoreError], text: str
) -> None:
    path = tmp_path / "tasks.db"
    prepare(path)
    store = Store(parse_database(str(path)), Events())
    for _ in range(2):
        with pytest.raises(error, match=text):
            store.open()
    with pytest.raises(error, match=text):
        store.write_sync(add_task)


def test_commits_are_synced_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = log_file.sync_file
    synced: list[str] = []

    def sync(file: int) -> None:
        synced.append(str(Path(f"/dev/fd/{file}").readlink()))
        plain(file)

    monkeypatch.setattr(log_file, "sync_file", sync)
    full = Store(parse_database(str(tmp_path / "full.db")), Events())
    normal = Store(parse_database(str(tmp_path / "normal.db")), Events(), "normal")
    normal.write_sync(add_queue)
    assert synced == []
    full.write_sync(add_queue)
    asyncio.run(full.write(add_task))
    assert synced == [f"{tmp_path}/full.db-wal"] * 2
    asyncio.run(full.write_unsynced(add_task))
    full.write_unsynced_now(add_task)
    assert len(synced) == 2
    full.close()
    normal.close()


async def test_what_cannot_be_synced_is_refused_until_the_log_begins_anew(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = log_file.sync_file
    await file_store.write(add_queue)
    monkeypatch.setattr(log_file, "sync_file", failing_sync(errno.EIO))
    with pytest.raises(StoreError, match="disk I/O error"):
        await file_store.write(add_task)
    with pytest.raises(StoreError, match="disk I/O error"):
        file_store.write_sync(add_task)
    monkeypatch.setattr(log_file, "sync_file", plain)
    # The kernel takes what it could not write for written, so a sync that succeeds thereafter says nothing about it.
    reader = sqlite3.connect(file_store.database.path or "", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM tasks").fetchall()
    with pytest.raises(StoreError, match="is in use"):
        await file_store.write(add_task)
    reader.close()
    await file_store.write(add_task)
    assert len(file_store.read(all_tasks)) == 4


def test_a_sync_for_which_the_disk_has_no_room_says_so(file_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    file_store.write_sync(add_queue)
    monkeypatch.setattr(log_file, "sync_file", failing_sync(errno.ENOSPC))
    with pytest.raises(DiskFull, match="free some space"):
        file_store.write_sync(add_task)


def failing_sync(code: int) -> Callable[[int], None]:
    def sync(file: int) -> None:
        raise OSError(code, os.strerror(code))

    return sync


def test_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StoreError, match=r"SQLite 3\.35 or newer"):
        connection.open_writer(None)


def test_a_reader_that_takes_its_time_holds_up_no_writer(file_store: Store) -> None:
    file_store.write_sync(add_task)
    assert file_store.database.path is not None
    with closing(sqlite3.connect(file_store.database.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        count = "SELECT count(*) FROM tasks"
        assert reader.execute(count).fetchone() == (1,)
        file_store.write_sync(add_task)
        assert reader.execute(count).fetchone() == (1,)
    assert len(file_store.read(all_tasks)) == 2
