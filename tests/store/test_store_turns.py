"""Processes that write to one file take turns, and nobody waits long, however much the others write."""

import asyncio
import fcntl
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gcptasks.base.errors import Busy
from gcptasks.store import writer
from gcptasks.store.store import Store
from gcptasks.store.writer import NotNow
from store.store_interrupts import interrupt_at
from store.store_verbs import add_queue, add_task, all_tasks
from store.test_store_writer_turns import locked_by_another


def turn_file(store: Store) -> Path:
    path = store.database.turn_path
    assert path is not None
    return path


@contextmanager
def another_has_the_turn(store: Store) -> Generator[None]:
    """While another process, as it were, waits to write next."""
    with turn_file(store).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_taken(store: Store) -> bool:
    try:
        with turn_file(store).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def write_on_and_on(store: Store, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        store.write_unsynced_now(add_queue)


def test_who_writes_alone_makes_no_file_of_turns(file_store: Store) -> None:
    write_on_and_on(file_store, 0.05)
    assert not turn_file(file_store).exists()


def test_who_writes_without_pause_lets_one_go_first_who_waits(file_store: Store) -> None:
    file_store.write_sync(add_queue)
    with another_has_the_turn(file_store), pytest.raises(NotNow):
        write_on_and_on(file_store)
    file_store.write_unsynced_now(add_task)
    assert len(file_store.read(all_tasks)) == 1


def test_who_waits_has_the_turn_until_he_writes(file_store: Store) -> None:
    file_store.write_sync(add_queue)
    with locked_by_another(file_store):
        thread = threading.Thread(target=file_store.write_sync, args=(add_task,))
        thread.start()
        until = time.monotonic() + 30
        while not is_taken(file_store) and time.monotonic() < until:
            pass
        assert is_taken(file_store)
        assert turn_file(file_store).stat().st_mode & 0o777 == 0o600
    thread.join()
    assert not is_taken(file_store)
    assert len(file_store.read(all_tasks)) == 1


def test_one_who_makes_no_use_of_his_turn_keeps_nobody_from_writing(file_store: Store) -> None:
    """As a process that was stopped by a signal; and once that was noticed, he is let go first no more for a while."""
    file_store.write_sync(add_queue)
    with another_has_the_turn(file_store):
        with pytest.raises(NotNow):
            write_on_and_on(file_store)
        file_store.write_sync(add_task)
        write_on_and_on(file_store, 0.1)
    assert len(file_store.read(all_tasks)) == 1


async def test_calls_of_a_loop_get_their_turn_as_well(file_store: Store) -> None:
    file_store.write_sync(add_queue)
    with another_has_the_turn(file_store), pytest.raises(NotNow):
        write_on_and_on(file_store)
    async with asyncio.timeout(30):
        await file_store.write(add_task)
    assert len(file_store.read(all_tasks)) == 1


def test_where_no_turns_can_be_had_it_is_waited_without(file_store: Store) -> None:
    file_store.write_sync(add_queue)
    turn_file(file_store).mkdir()
    with locked_by_another(file_store):
        thread = threading.Thread(target=file_store.write_sync, args=(add_task,))
        thread.start()
    thread.join()
    write_on_and_on(file_store, 0.05)
    assert len(file_store.read(all_tasks)) == 1


async def test_a_call_that_blocks_a_loop_gives_up_earlier_and_says_what_to_do(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_PATIENCE_ON_LOOP", 0.05)
    file_store.write_sync(add_queue)
    with locked_by_another(file_store):
        with pytest.raises(Busy, match="blocks an event loop: await an async client instead, or call in a thread"):
            file_store.write_sync(add_task)
        waiting = asyncio.create_task(asyncio.to_thread(file_store.write_sync, add_task))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    await waiting
    assert len(file_store.read(all_tasks)) == 1, "what raised is not done"


def test_a_call_that_waits_for_its_turn_may_be_interrupted_anywhere(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_store.write_sync(add_queue)
    monkeypatch.setattr(writer, "_PATIENCE", 0.01)

    def write() -> None:
        with pytest.raises(Busy):
            file_store.write_sync(add_task)

    for number in range(1, 100):
        with locked_by_another(file_store):
            interrupt_at(number, write, "line")
            assert not is_taken(file_store)
        file_store.write_sync(add_queue)
    assert file_store.read(all_tasks) == []


@pytest.mark.slow
def test_four_processes_that_write_without_pause_get_their_turns(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "store.store_turns", str(tmp_path / "tasks.db"), "5"]
    four = [
        subprocess.Popen(
            [*program, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        for kind in ("thread", "thread", "loop", "loop")
    ]
    for one in four:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in four:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    ends = [one.communicate()[0].split() for one in four]
    counts, slowest = [int(count) for count, _ in ends], max(float(seconds) for _, seconds in ends)
    print("writes of each:", counts, "slowest:", slowest)
    # The promise is half a second, of which other programs on this machine may take their part.
    assert slowest < 1.5
    assert min(counts) > max(counts) / 5
