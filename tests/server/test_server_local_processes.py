"""Several processes on one database file: all enqueue, one delivers, and another takes over from it."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from server.server_apps import Carrier, serving

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parent.parent


class Output:
    """The lines that processes print, as they come."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.seen: list[str] = []

    def collect(self, pipe: IO[str]) -> threading.Thread:
        def read() -> None:
            for line in pipe:
                self._lines.put(line.strip())

        thread = threading.Thread(target=read)
        thread.start()
        return thread

    def until(self, pattern: str) -> re.Match[str]:
        """The first line that matches, of those that came or will; pytest's timeout ends what never comes."""
        for line in self.seen:
            if match := re.search(pattern, line):
                return match
        while True:
            self.seen.append(self._lines.get())
            if match := re.search(pattern, self.seen[-1]):
                return match


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
def start(tmp_path: Path, output: Output) -> Iterator[Start]:
    """Starts `python ARGUMENTS` on one database; ended after the test."""
    started: list[subprocess.Popen[str]] = []
    readers: list[threading.Thread] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=TESTS,
            env=os.environ | {"TASKS_DATABASE": f"sqlite:///{tmp_path}/tasks.db"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        started.append(process)
        readers.append(output.collect(process.stdout))
        return process

    yield start
    for process in started:
        # Its children as well, which have its pipes too: a reader would wait for them.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for reader in readers:
        reader.join()
    for process in started:
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def enqueue(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{text}\n")
    process.stdin.flush()


def test_one_of_four_processes_delivers_and_another_takes_over_when_it_is_killed(start: Start, output: Output) -> None:
    processes = {process.pid: process for process in [start("-m", "server.server_app_on_file") for _ in range(4)]}
    for number in processes:
        output.until(f"^{number} started")
    for number, process in processes.items():
        enqueue(process, f"first of {number}")
    leaders = {output.until(rf"(\d+) did first of {number}")[1] for number in processes}
    assert len(leaders) == 1

    leader = int(leaders.pop())
    killed = processes.pop(leader)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    for number, process in processes.items():
        enqueue(process, f"second of {number}")
    leaders = {output.until(rf"(\d+) did second of {number}")[1] for number in processes}
    assert len(leaders) == 1
    assert int(leaders.pop()) in processes


def test_tasks_of_all_workers_of_uvicorn_are_delivered(start: Start, output: Output) -> None:
    start("-m", "uvicorn", "server.server_app_on_file:app", "--workers", "2", "--port", "0", "--ws", "none")
    url = output.until(r"Uvicorn running on (http://\S+)")[1]
    output.until("Application startup complete")
    workers: set[bytes] = set()
    sent = 0
    while len(workers) < 2:
        try:
            with urllib.request.urlopen(f"{url}/enqueue?text=number-{sent}", data=b"") as answer:
                workers.add(answer.read())
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):  # it listens right after it says so
                raise
        else:
            sent += 1
    deliverers = {output.until(rf"(\d+) did number-{number}(?!\d)")[1] for number in range(sent)}
    assert len(deliverers) == 1


async def test_a_forked_child_keeps_neither_the_lead_nor_a_connection(
    start: Start, output: Output, tmp_path: Path
) -> None:
    """The parent is killed while the child lives on; then whoever starts next delivers."""
    parent = start("-m", "server.server_fork_program")
    for text in ("of the parent", "of the child"):
        assert int(output.until(rf"(\d+) did {text}")[1]) == parent.pid
    parent.kill()
    parent.wait()
    carrier = Carrier(f"sqlite:///{tmp_path}/tasks.db")
    async with serving(carrier.app):
        carrier.note.delay(text="after the parent")
        await carrier.done.until(lambda: "after the parent" in carrier.done)
        enqueue(parent, "go on")
        await carrier.done.until(lambda: "of the child that lives on" in carrier.done)
