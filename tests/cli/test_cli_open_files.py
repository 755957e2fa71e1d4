"""The service where few files may be open at once: a task waits for its connection, and none is lost."""

import contextlib
import json
import resource
import socket
import sys
from pathlib import Path

from google.cloud.tasks_v2 import CloudTasksClient, HttpRequest, Queue, RetryConfig, Task

from cli.cli_programs import EMULATOR, QUEUE, Program, Start, Worker, client, get

LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
os.execv(sys.argv[3], sys.argv[3:])
"""


def emulator(start: Start, soft: int, hard: int) -> tuple[Program, str]:
    """The emulator with these limits of open files, and where it serves."""
    command = [str(Path(sys.executable).with_name(EMULATOR[0])), "--port", "0"]
    program = start(["python", "-c", LIMITED, str(soft), str(hard)], *command)
    return program, program.wait(r"serve at (?P<address>\S+),")["address"]


def make_queue(service: CloudTasksClient, name: str) -> None:
    """A queue that gives a task up after one failed attempt."""
    service.create_queue(
        parent=QUEUE.partition("/queues/")[0], queue=Queue(name=name, retry_config=RetryConfig(max_attempts=1))
    )


def create_task(service: CloudTasksClient, queue: str, url: str) -> None:
    service.create_task(parent=queue, task=Task(http_request=HttpRequest(url=url)))


def test_as_many_may_be_open_as_the_system_allows(start: Start) -> None:
    program, _ = emulator(start, 128, 300)
    assert resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE) == (300, 300)


def test_a_worker_that_hangs_takes_nothing_from_others(start: Start, worker: Worker) -> None:
    program, where = emulator(start, 128, 128)
    service = client(where)
    hanging = QUEUE + "-hanging"
    make_queue(service, hanging)
    make_queue(service, QUEUE)
    # It accepts connections, as the system does for it, and never reads.
    with socket.create_server(("127.0.0.1", 0), backlog=500) as silent:
        for number in range(200):
            create_task(service, hanging, f"http://127.0.0.1:{silent.getsockname()[1]}/{number}")
        for number in range(50):
            create_task(service, QUEUE, f"{worker.url}/{number}")
        for number in range(50):
            worker.wait(f"/{number}")
        assert json.loads(get(f"http://{where}/health"))["status"] == "ok"
        assert len(list(service.list_tasks(parent=hanging))) == 200
        assert "failed" not in program.output


def test_what_cannot_be_sent_for_want_of_files_was_no_attempt(start: Start, worker: Worker) -> None:
    program, where = emulator(start, 96, 96)
    service = client(where)
    make_queue(service, QUEUE)
    host, _, port = where.rpartition(":")
    with contextlib.ExitStack() as clients:
        for _ in range(96):
            clients.enter_context(socket.create_connection((host, int(port))))
        for number in range(20):
            create_task(service, QUEUE, f"{worker.url}/{number}")
        program.wait("attempts wait, and none is counted: Too many open files")
        assert len(list(service.list_tasks(parent=QUEUE))) == 20
    for number in range(20):
        worker.wait(f"/{number}")
    program.wait("attempts are made again")
    assert "failed" not in program.output
    assert program.output.count("attempts wait, and none is counted") == 1
