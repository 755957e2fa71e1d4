"""The commands on queues, tasks and jobs as their user has them: in a pipe, and on a terminal."""

import io
import itertools
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from google.cloud.scheduler_v1 import CloudSchedulerClient, HttpTarget, Job
from google.cloud.tasks_v2 import CloudTasksClient, Queue

from cli.cli_programs import PATIENCE, client, scheduler_client
from gcptasks.cli import commands

RESOURCE_COMMANDS = (
    *(("queues", word) for word in ("list", "describe", "pause", "resume", "purge", "delete")),
    *(("tasks", word) for word in ("list", "describe", "run", "delete")),
    *(("jobs", word) for word in ("list", "describe", "run", "pause", "resume", "delete", "next")),
    *(("admin", word) for word in ("status", "wait", "reset", "clock")),
)
"""In the order of the help."""
CTRL_C = "\x03"
SERVES = r"serve at (?P<address>\S+),"
PROGRAM = str(Path(sys.executable).with_name("fastapi-gcp-tasks"))
_NOT_INHERITED = (
    *("CLOUD_TASKS_EMULATOR_HOST", "CLOUD_SCHEDULER_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "CLOUD_TASKS_ADMIN_TOKEN"),
    *("GOOGLE_APPLICATION_CREDENTIALS", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"),
)


@dataclass(frozen=True)
class Ended:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str = ""

    @property
    def json(self) -> Any:
        assert (self.code, self.err) == (0, "")
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        assert (self.code, self.err) == (0, ""), self
        return self.out.splitlines()

    @property
    def failure(self) -> tuple[int, str]:
        """The exit code and the one line that says why."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("error: ")
        return self.code, line.removeprefix("error: ")


@dataclass
class Service:
    """A local service on a port, and what tests put into it."""

    address: str
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def client(self) -> CloudTasksClient:
        return client(self.address)

    @property
    def scheduler(self) -> CloudSchedulerClient:
        return scheduler_client(self.address)

    def location(self) -> str:
        return f"projects/p{next(self._numbers)}/locations/l"

    def queue(self, name: str, tasks: int = 0) -> str:
        """Make a queue of that name, paused, with so many tasks."""
        self.client.create_queue(parent=name.rpartition("/queues/")[0], queue=Queue(name=name))
        self.client.pause_queue(name=name)
        for number in range(tasks):
            self.task(name, f"t{number}")
        return name

    def task(
        self, queue: str, task_id: str, url: str = "http://localhost:1", due: datetime | None = None, **request: Any
    ) -> str:
        name = f"{queue}/tasks/{task_id}"
        task: Any = {"name": name, "http_request": {"url": url, **request}, "schedule_time": due}
        self.client.create_task(parent=queue, task=task)
        return name

    def tasks(self, queue: str) -> list[str]:
        return [task.name for task in self.client.list_tasks(parent=queue)]

    def job(self, name: str, schedule: str = "0 3 * * *", url: str = "http://localhost:1", **job: Any) -> str:
        target = HttpTarget(uri=url, body=job.pop("body", b""))
        made = Job(name=name, schedule=schedule, http_target=target, **job)
        self.scheduler.create_job(parent=name.rpartition("/jobs/")[0], job=made)
        return name

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a user who has it as the local service."""
        return dict.fromkeys(("CLOUD_TASKS_EMULATOR_HOST", "CLOUD_SCHEDULER_EMULATOR_HOST"), self.address)

    def piped(self, *words: str, **variables: str) -> "Ended":
        return piped(*words, **self.variables, **variables)

    def on_terminal(self, *words: str, answer: str = "", columns: int = 100, **variables: str) -> "Ended":
        return on_terminal(*words, answer=answer, columns=columns, **self.variables, **variables)


def environment(**variables: str) -> dict[str, str]:
    """That of the tests without what would change what a command does, and with these."""
    return {name: text for name, text in os.environ.items() if name not in _NOT_INHERITED} | variables


def piped(*words: str, **variables: str) -> Ended:
    """Run the command with its output in a pipe and no input."""
    done = subprocess.run(
        [PROGRAM, *words],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def help_of(*command: str) -> str:
    """The help of a command, such as `fastapi-gcp-tasks queues list`, without the half second of a process."""
    shown = io.StringIO()
    with redirect_stdout(shown), patch.object(sys, "argv", [*command, "--help"]):
        assert commands.run(command[0]) == 0
    return shown.getvalue()


def on_terminal(*words: str, answer: str = "", columns: int = 100, **variables: str) -> Ended:
    """Run the command on a terminal, and type the answer when it asks."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (40, columns))
    process = subprocess.Popen(
        [PROGRAM, *words],
        env=environment(TERM="xterm-256color", **variables),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    read = b""
    asked = False
    until = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < until:
            if not select.select([ours], [], [], PATIENCE / 3)[0]:
                # Ctrl-C in the moment before the command waits for its answer is not seen by Python while it waits.
                if asked and answer == CTRL_C:
                    process.send_signal(signal.SIGINT)
                continue
            try:
                more = os.read(ours, 65_536)
            except OSError:  # how a terminal ends
                break
            read += more
            if not asked and b"[y/N]: " in read:
                asked = True
                if answer == CTRL_C:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(ours, answer.encode())
        return Ended(process.wait(max(1.0, until - time.monotonic())), read.decode().replace("\r\n", "\n"))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
