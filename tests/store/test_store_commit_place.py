"""Where commits are made, by how long they take."""

import gc
import threading
import time
from pathlib import Path

import pytest

from gcptasks.store import log_file
from gcptasks.store.commit_place import CommitPlace
from gcptasks.store.connection import open_writer
from gcptasks.store.database import Database, prepare_file
from gcptasks.store.tx import Tx
from gcptasks.store.write_connection import WriteConnection
from gcptasks.store.writer import Writer
from store.store_verbs import add_task


def committed(place: CommitPlace, *seconds: float) -> list[bool]:
    """Make commits that take so long on the loop; which of them went to a thread."""
    chosen: list[bool] = []
    for one in seconds:
        chosen.append(place.choose_thread())
        if not chosen[-1]:
            place.took(one)
    return chosen


def test_commits_of_a_fast_disk_stay_on_the_loop() -> None:
    assert not any(committed(CommitPlace(), *[0.0029] * 1000))


def test_one_slow_commit_among_fast_ones_changes_nothing() -> None:
    assert not any(committed(CommitPlace(), *([0.0001] * 50 + [0.025] + [0.0001] * 50)))


def test_commits_of_a_slow_disk_go_to_a_thread_but_for_a_try_now_and_then() -> None:
    chosen = committed(CommitPlace(), *[0.1] * 1021)
    assert chosen == [False, *([True] * 50 + [False]) * 20]


def test_a_disk_that_is_fast_again_is_written_on_the_loop_again() -> None:
    place = CommitPlace()
    committed(place, *[0.004] * 100)
    assert not any(committed(place, *[0.0001] * 2000)[-1000:])


async def test_a_disk_that_was_slow_for_a_while_is_tried_on_the_loop_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, plain = tmp_path / "tasks.db", log_file.sync_file
    delay = 0.05
    threads: list[threading.Thread] = []

    def sync(file: int) -> None:
        threads.append(threading.current_thread())
        time.sleep(delay)
        plain(file)

    monkeypatch.setattr(log_file, "sync_file", sync)
    writer = Writer(lambda: WriteConnection(open_writer(prepare_file(Database(path))), "full", path), lambda tx: None)

    async def places(count: int) -> list[bool]:
        """Whether each of so many writes was synced on the loop."""
        threads.clear()
        for _ in range(count):
            await writer.write(add_task)
        return [thread is threading.current_thread() for thread in threads]

    assert await places(2) == [True, False]
    delay = 0.0
    assert any(await places(100))
    writer.close()


async def test_a_commit_in_a_thread_leaves_no_circles_to_the_garbage_collector(tmp_path: Path) -> None:
    """They would keep all that the commit was made of."""
    path = tmp_path / "tasks.db"
    open_writer(prepare_file(Database(path))).close()
    place = CommitPlace()
    threads: set[threading.Thread] = set()

    def tell(tx: Tx) -> None:
        threads.add(threading.current_thread())

    writer = Writer(lambda: WriteConnection(open_writer(path), "full", path), tell, place=place)
    committed(place, 0.1)
    await writer.write(add_task)
    gc.collect()
    gc.disable()
    try:
        for _ in range(40):
            await writer.write(add_task)
        assert gc.collect() < 40
    finally:
        gc.enable()
        writer.close()
    assert threading.current_thread() not in threads
