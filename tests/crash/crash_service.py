"""The service as a process of its own that is killed, and a client that goes on asking."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

QUEUE = "projects/p/locations/l/queues/crash"
CONCURRENT = 20
"""How many attempts the queue allows to be open, so how many may be repeated after a kill."""


class Process:
    """`cloud-tasks-emulator` on a file; started again at the same port after a kill."""

    def __init__(self, database: Path, port: int = 0) -> None:
        self._database = database
        self.port = port
        self.start()

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("cloud-tasks-emulator")), "--db", str(self._database)]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port), "--log-level", "error"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = self._announced_port(self._process.stdout)

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def delivers(self) -> bool:
        """Whether this one has the lead, by its health page."""
        with urllib.request.urlopen(f"http://{self.address}/health") as answer:
            return bool(json.load(answer)["delivers"])

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    close = kill

    def client(self) -> tasks_v2.CloudTasksClient:
        channel = grpc.insecure_channel(self.address)
        return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))

    def _announced_port(self, output: IO[str]) -> int:
        for line in output:
            if " serve at " in line:
                return int(line.split(" serve at ")[1].split(",")[0].rsplit(":", 1)[1])
        raise AssertionError(f"the service did not start: exit code {self._process.wait()}")


class Load:
    """Threads that create tasks without pause. What the service answered is in `accepted`: task and due time."""

    def __init__(self, addresses: list[str], url: str, seed: int) -> None:
        self.accepted: dict[str, float] = {}
        self._url = url
        self._addresses = addresses
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._create, args=(seed, number)) for number in range(4)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _create(self, seed: int, number: int) -> None:
        random_ = random.Random(seed * 100 + number)
        address = self._addresses[number % len(self._addresses)]
        # A killed service is tried again soon, not after gRPC's usual seconds.
        options = [("grpc.initial_reconnect_backoff_ms", 20), ("grpc.max_reconnect_backoff_ms", 100)]
        with grpc.insecure_channel(address, options=options) as channel:
            client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
            made = 0
            while not self._stop.is_set():
                made += 1
                due = time.time() + random_.choice([0.0, 0.0, random_.uniform(0, 2)])
                name = f"{seed}-{number}-{made}"
                if self._accepted(client, name, due):
                    self.accepted[name] = due

    def _accepted(self, client: tasks_v2.CloudTasksClient, name: str, due: float) -> bool:
        task = tasks_v2.Task(http_request=tasks_v2.HttpRequest(url=self._url, body=name.encode()))
        raw = tasks_v2.Task.pb(task)
        raw.schedule_time.FromMicroseconds(int(due * 1e6))
        try:
            client.create_task(parent=QUEUE, task=task, timeout=5)
        except GoogleAPICallError:
            return False  # killed meanwhile; it may have been accepted all the same, which no one was told
        return True
