"""The commands as real processes, and those whom they deal with."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

import grpc
import pytest
from google.cloud.scheduler_v1 import CloudSchedulerClient
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import CloudSchedulerGrpcTransport
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

PATIENCE = 30
"""Seconds after which a test fails that waits for something."""

EMULATOR = ["cloud-tasks-emulator"]
DEV = ["fastapi-gcp-tasks", "dev"]
QUEUE = "projects/p/locations/l/queues/q"

slow = partial(pytest.param, marks=pytest.mark.slow)
"""A case that is left to the slow tests: each starts a process, and others like it are quick enough."""

_OURS = (
    "CLOUD_TASKS_EMULATOR_HOST",
    "CLOUD_SCHEDULER_EMULATOR_HOST",
    "APP_ENGINE_EMULATOR_HOST",
    "NO_COLOR",
    "FORCE_COLOR",
    "PYTHONUNBUFFERED",
)


class Program:
    """A command that runs in a process group of its own, as a shell would start it."""

    def __init__(self, command: list[str], folder: Path, *, terminal: bool = False, **environment: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._both: list[str] = []
        self._read = 0
        self._more = threading.Condition()
        reading, writing = os.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen(
            [Path(sys.executable).parent / command[0], *command[1:]],
            cwd=folder,
            env=inherited | environment,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        os.close(writing)
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._collect, args=pair, daemon=True)
            for pair in ((os.fdopen(reading, errors="replace"), self.lines), (self.process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()

    def wait(self, pattern: str) -> re.Match[str]:
        """The match in the next line of either output that has one, searched from after the last match on."""
        found: list[re.Match[str]] = []

        def there() -> bool:
            for number in range(self._read, len(self._both)):
                if match := re.search(pattern, self._both[number]):
                    self._read = number + 1
                    found.append(match)
                    return True
            return not any(reader.is_alive() for reader in self._readers)

        with self._more:
            self._more.wait_for(there, PATIENCE)
        assert found, f"no {pattern!r} in\n{self.output}"
        return found[0]

    def ended(self) -> int:
        """The exit code, once it and whatever it has started have ended: none holds its output open any more."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
            assert not reader.is_alive(), f"something was left running by the program, which said\n{self.output}"
        return code

    def ctrl_c(self) -> None:
        """What a terminal does: SIGINT to every process of the group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def kill_all(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        for reader in self._readers:
            reader.join(PATIENCE)

    @property
    def output(self) -> str:
        """All that it wrote, in the order in which it was read."""
        return "\n".join(self._both)

    def _collect(self, output: IO[str], into: list[str]) -> None:
        with output:
            try:
                for line in output:
                    with self._more:
                        into.append(line.rstrip("\n"))
                        self._both.append(line.rstrip("\n"))
                        self._more.notify_all()
            except OSError:
                pass  # how a terminal ends
        with self._more:
            self._more.notify_all()


Start = Callable[..., Program]
"""Starts a command in the test's folder, and kills what is left of it at the end."""


class Worker:
    """A worker for tasks: notes each path that is asked for, and answers when it is let."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[str] = []
        self.answered: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.before_answer: Callable[[], object] = lambda: None
        self._more = threading.Condition()
        worker = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                worker._note(worker.asked, self.path)
                worker.gate.wait(PATIENCE)
                worker.before_answer()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                worker._note(worker.answered, self.path)

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' * bool(tls)}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self, path: str) -> None:
        """Wait until that path was asked for."""
        with self._more:
            assert self._more.wait_for(lambda: path in self.asked, PATIENCE), f"{path} was not asked for: {self.asked}"

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def _note(self, into: list[str], path: str) -> None:
        with self._more:
            into.append(path)
            self._more.notify_all()


def client(address: str) -> CloudTasksClient:
    """Google's client of a service on a port."""
    return CloudTasksClient(transport=CloudTasksGrpcTransport(channel=grpc.insecure_channel(address)))


def scheduler_client(address: str) -> CloudSchedulerClient:
    """The same of Cloud Scheduler."""
    return CloudSchedulerClient(transport=CloudSchedulerGrpcTransport(channel=grpc.insecure_channel(address)))


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return str(answer.read().decode())


def free_port() -> int:
    """A port that is free on every address of localhost."""
    with socket.create_server(("localhost", 0)) as sock:
        return int(sock.getsockname()[1])
