"""Counting the tasks that ran, in the worker, and hearing of it, in the program that enqueued them."""

import json
import os
import socket
import statistics
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Self

from bench.contestants.frozen import freeze

TASKS, PORT = "BENCH_TASKS", "BENCH_TALLY_PORT"


@dataclass(frozen=True, slots=True)
class Outcome:
    """When the last task ran, on the machine's monotonic clock, and the seconds from call to run."""

    last: float
    p50: float
    p99: float


class Tally:
    """Counts distinct tasks (a queue may deliver twice) and tells the hearer once all have run."""

    def __init__(self) -> None:
        self._expected = int(os.environ[TASKS])
        self._port = int(os.environ[PORT])
        self._waits: dict[int, float] = {}

    def ran(self, number: int, sent: float) -> None:
        """Count the task of this number, whose call was at `sent`."""
        now = monotonic()
        self._waits[number] = now - sent
        if len(self._waits) == self._expected:
            self._tell(json.dumps(asdict(self._outcome(now))).encode())

    def ready(self) -> None:
        """Tell that the worker works. Its first task calls this where nothing else tells, so all is imported by now."""
        freeze()
        self._tell(b"")

    def _outcome(self, last: float) -> Outcome:
        waits = statistics.quantiles(self._waits.values(), n=100, method="inclusive")
        return Outcome(last, waits[49], waits[98])

    def _tell(self, what: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.sendall(what)


class Hearer:
    """Hears one worker's tally. Make it before the worker, which finds it by the environment."""

    def __init__(self, tasks: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        os.environ[PORT], os.environ[TASKS] = str(self._socket.getsockname()[1]), str(tasks)

    def outcome(self, seconds: float = 240) -> Outcome:
        """Wait until every task has run."""
        return Outcome(**json.loads(self._hear(seconds)))

    def ready(self, seconds: float = 30) -> None:
        """Wait until the worker says that it works."""
        self._hear(seconds)

    def _hear(self, seconds: float) -> str:
        self._socket.settimeout(seconds)
        connection, _ = self._socket.accept()
        with connection, connection.makefile() as lines:
            return lines.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
