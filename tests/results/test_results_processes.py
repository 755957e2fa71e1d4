"""Workers that are processes of their own: killed while a task runs, or told from elsewhere to stop it."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gcptasks.engine.task_records import TaskStatus
from gcptasks.results.errors import TaskCancelled
from results.results_app_on_file import Carrier

TESTS = Path(__file__).parent.parent
PATIENCE = 30.0


@contextmanager
def worker(database: str) -> Generator[subprocess.Popen[str]]:
    """A process that runs the tasks of that database; killed at the end, if it is there still."""
    program = [sys.executable, "-m", "results.results_app_on_file", database]
    process = subprocess.Popen(program, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], line: str) -> None:
    """Read what it prints; pytest's timeout ends what never comes."""
    assert process.stdout is not None
    for printed in process.stdout:
        if printed.strip() == line:
            return
    raise AssertionError(f"the process ended without {line!r}")


@pytest.mark.timeout(PATIENCE)
async def test_a_task_whose_worker_is_killed_is_ended_by_the_next_attempt(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/tasks.db"
    endpoint: Any = Carrier(database).first_runs_long
    handle = await endpoint.submit()
    with worker(database) as process:
        read_until(process, "started")
        assert (await handle.info()).status is TaskStatus.RUNNING
    assert (await handle.info()).attempt == 1
    with worker(database):
        assert await handle.result(timeout=PATIENCE / 2) == "attempt 2"


@pytest.mark.timeout(PATIENCE)
async def test_a_task_is_cancelled_in_whichever_process_it_runs(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/tasks.db"
    endpoint: Any = Carrier(database).first_runs_long
    handle = await endpoint.submit()
    with worker(database) as process:
        read_until(process, "started")
        assert await handle.cancel()
        assert not await handle.cancel()
        read_until(process, "cleaned up")
    with pytest.raises(TaskCancelled):
        await handle.result()
    assert (await handle.info()).attempt == 1


@pytest.mark.slow
async def test_a_task_whose_worker_is_silent_waits_for_another_attempt(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/tasks.db"
    endpoint: Any = Carrier(database).first_runs_long
    handle = await endpoint.submit()
    with worker(database) as process:
        read_until(process, "started")
    async for info in handle.updates():
        if info.status is TaskStatus.WAITING:
            assert info.attempt == 1
            break
    with worker(database):
        assert await handle.result(timeout=PATIENCE / 2) == "attempt 2"
