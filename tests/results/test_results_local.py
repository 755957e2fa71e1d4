"""The local service's store among processes: they hear of each other, may fork, and may be killed."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gcptasks.engine.task_records import RECORD_HEADER, Cancelled, TaskStatus, parse_record_tag
from gcptasks.results.store import Attempt, ResultStore
from gcptasks.server.local_service import LocalService
from results.results_store_suite import new, waiting

TESTS = Path(__file__).parents[1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


@pytest.fixture
def results(path: Path) -> ResultStore:
    return LocalService(f"sqlite:///{path}", app_url="http://app.local").results()


@contextmanager
def process(module: str, *arguments: object) -> Generator["subprocess.Popen[str]"]:
    """A program of this folder, which is killed at the end of the block."""
    command = [sys.executable, "-m", f"results.{module}", *map(str, arguments)]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def line_of(running: "subprocess.Popen[str]") -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


async def test_who_waits_hears_of_what_another_process_writes(path: Path, results: ResultStore) -> None:
    calls = results.awaiting()
    record = await calls.add(new())
    blocking = asyncio.create_task(asyncio.to_thread(results.blocking().wait, record.id, record.version, 30))
    async with waiting(calls, record.id, record.version, many=10):
        with process("results_process", path, "cancel", record.id, record.version) as running:
            assert await asyncio.to_thread(running.wait, 30) == 0
    await asyncio.wait_for(blocking, 30)
    found = await calls.get(record.id)
    assert found is not None
    assert found.status is TaskStatus.CANCELLED


async def test_another_process_that_waits_hears_of_what_this_one_writes(path: Path, results: ResultStore) -> None:
    calls = results.awaiting()
    record = await calls.add(new())
    with process("results_process", path, "wait", record.id, record.version) as running:
        assert await asyncio.to_thread(line_of, running) == "waiting"
        await calls.change(record.id, 1, Cancelled())
        assert await asyncio.to_thread(line_of, running) == "cancelled"


async def test_records_that_are_added_together_are_all_there(results: ResultStore) -> None:
    """Whoever writes them: their own loop, or a thread that writes while more of them are added."""
    calls, ended = results.awaiting(), threading.Event()

    def write_meanwhile() -> None:
        while not ended.is_set():
            results.blocking().add(new())

    async def added() -> str:
        record = new()
        await calls.add_many([record])
        found = await calls.get(record.id)
        assert found is not None
        return found.id

    writing = asyncio.create_task(asyncio.to_thread(write_meanwhile))
    try:
        ids = [id for _ in range(3) for id in await asyncio.gather(*(added() for _ in range(600)))]
        await calls.add_many([])
        await calls.add_many(many := [new() for _ in range(300)])
        attempts = [Attempt(id, 1, 1) for id in (*ids, *(one.id for one in many), "0" * 32)]
        assert await calls.cancelled(attempts) == {attempts[-1]}
    finally:
        ended.set()
        await writing


def test_a_forked_child_uses_the_store_and_its_parent_hears_of_it(path: Path) -> None:
    with process("results_fork", "local", path) as running:
        assert running.wait(50) == 0


@pytest.mark.parametrize("said", [1, 30, 200])
def test_a_killed_process_leaves_no_task_without_its_record(path: Path, results: ResultStore, said: int) -> None:
    with process("results_process", path, "submit") as running:
        ids = [line_of(running) for _ in range(said)]
    for id in ids:
        assert results.blocking().get(id) is not None
    with closing(sqlite3.connect(path)) as connection:
        tasks = connection.execute("SELECT task_id, headers FROM tasks").fetchall()
        records = {id for (id,) in connection.execute("SELECT id FROM task_records")}
    tags = [parse_record_tag(json.loads(headers)[RECORD_HEADER]) for _, headers in tasks]
    assert {task_id for task_id, _ in tasks} == {tag[0] for tag in tags if tag} >= set(ids)
    assert {tag[0] for tag in tags if tag} <= records
