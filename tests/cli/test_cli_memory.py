"""The service on a port under attack, as a process: its memory stays below what we say, and others are answered."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from google.cloud.tasks_v2 import CloudTasksClient, HttpRequest, Queue, Task

from cli import cli_hostile_clients
from cli.cli_hostile_clients import CLIENTS, LARGE
from cli.cli_programs import EMULATOR, QUEUE, Program, Start, client, get

STATED = 512
"""MiB, as docs/local-service.md says."""
WITHIN = 0.1
"""Seconds in which others are answered."""
ATTACK = 5
"""Seconds, from when all clients have begun."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="how much memory a process had is read in /proc"),
]


@pytest.mark.parametrize("names", [["windows"], ["posts", "pages"], list(CLIENTS)], ids=["windows", "rest", "all"])
def test_under_attack_memory_is_bounded_and_others_are_answered(start: Start, names: list[str]) -> None:
    program = start(EMULATOR, "--port", "0", "--db", "tasks.db")
    where = program.wait(r"serve at (?P<address>\S+),")["address"]
    with ExitStack() as opened:
        hanging = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        fill(client(where), f"http://127.0.0.1:{hanging.getsockname()[1]}/")
        for name in names:
            opened.enter_context(attacked(where, name))
        enough = time.monotonic() + ATTACK
        took = sorted(seconds_to_answer(where) for _ in iter(lambda: time.monotonic() < enough, False))
    # A machine that has others to serve is slow at times. What holds the event loop holds every answer.
    assert took[len(took) // 4] < WITHIN
    assert most_memory(program) < STATED


def fill(service: CloudTasksClient, worker: str) -> None:
    """Large tasks to be listed, and others of which as many are under way as may be."""
    for name in (LARGE, QUEUE):
        service.create_queue(parent="projects/p/locations/l", queue=Queue(name=name))
    service.pause_queue(name=LARGE)
    for parent in (LARGE, QUEUE):
        for _ in range(100):
            request = HttpRequest(url=worker, body=b"x" * 1_000_000)
            service.create_task(parent=parent, task=Task(http_request=request))


@contextmanager
def attacked(where: str, name: str) -> Generator[None]:
    command = [sys.executable, cli_hostile_clients.__file__, where, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == b"begins\n"
            yield
        finally:
            process.kill()


def seconds_to_answer(where: str) -> float:
    """How long a new client waits for an answer."""
    began = time.monotonic()
    get(f"http://{where}/health")
    return time.monotonic() - began


def most_memory(program: Program) -> int:
    """The most that it has had, in MiB."""
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) // 1024
