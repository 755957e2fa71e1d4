import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from gcptasks.base.events import Events
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from store.store_verbs import add_task, all_tasks

pytestmark = pytest.mark.slow

PROCESSES, FILES = 4, 40


def write_to_each(folder: str, together: Any) -> None:
    for number in range(FILES):
        store = Store(parse_database(f"{folder}/{number}.db"), Events())
        together.wait()
        store.write_sync(add_task)
        store.close()


def test_processes_that_make_a_file_at_once_all_write_to_it(tmp_path: Path) -> None:
    """As the workers of one server do."""
    fresh = multiprocessing.get_context("spawn")
    together = fresh.Barrier(PROCESSES)
    processes = [fresh.Process(target=write_to_each, args=(str(tmp_path), together)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    for number in range(FILES):
        store = Store(parse_database(str(tmp_path / f"{number}.db")), Events())
        assert len(store.read(all_tasks)) == PROCESSES
        store.close()
