"""An app that carries the service is killed, at random moments or by a task of its own.

Its tasks are created on the event loop on which they run, so that those that are due begin in the commit that creates
them. `scripts/crash` runs this with 200 kills.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.cloud.tasks_v2 import CloudTasksClient, Queue, RateLimits, RetryConfig

from crash.crash_embedded import PARENT, POISON_QUEUE, QUEUE
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.server.settings import Settings

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("CRASH_KILLS", "10"))
CONCURRENT = 20
"""How many attempts the queue allows to be open, so how many may be repeated after a kill."""
ATTEMPTS = 3
PATIENCE = 20.0
"""Seconds without anything told after which a process is taken for one that hangs."""


@dataclass(frozen=True)
class Run:
    process: int
    at: float


class Told:
    """What the processes told in their journal."""

    def __init__(self, path: Path) -> None:
        self.accepted: dict[str, float] = {}
        """Tasks whose callers had the answer, with their due times."""
        self.runs: dict[str, list[Run]] = defaultdict(list)
        self.deaths: dict[str, list[int]] = defaultdict(list)
        """The numbers of retries with which tasks came that killed their processes."""
        for line in map(json.loads, path.read_text().splitlines()):
            match line["what"]:
                case "accepted":
                    self.accepted[line["task"]] = line["due"]
                case "died":
                    self.deaths[line["task"]].append(line["retries"])
                case _:
                    self.runs[line["task"]].append(Run(line["process"], line["at"]))

    def lost(self) -> set[str]:
        return self.accepted.keys() - self.runs.keys()

    def early(self) -> set[str]:
        return {task for task, due in self.accepted.items() if task in self.runs and self.runs[task][0].at < due - 1e-6}

    def twice_in_a_process(self) -> set[str]:
        return {task for task, runs in self.runs.items() if len({run.process for run in runs}) < len(runs)}

    def repeated(self) -> dict[int, int]:
        """How many attempts were repeated that began in each process."""
        counts: dict[int, int] = defaultdict(int)
        for runs in self.runs.values():
            for run in runs[:-1]:
                counts[run.process] += 1
        return counts


class Process:
    """A process that carries the service, from its start until it was killed or has ended."""

    def __init__(self, folder: Path, what: str, name: str = "", pause: float = 0) -> None:
        self._journal = folder / "journal"
        command = [sys.executable, "-m", "crash.crash_embedded", str(folder / "tasks.db"), str(self._journal)]
        self._process = subprocess.Popen(
            [*command, what, name, str(pause)], cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True
        )

    def runs(self) -> None:
        """Return once it does; asked once."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "runs\n"

    def kill(self) -> None:
        self._process.kill()
        self.end()

    close = kill

    def _told(self) -> int:
        """How much there is in the journal."""
        return self._journal.stat().st_size if self._journal.exists() else 0

    def end(self) -> int:
        """Return how it ended, once it has."""
        told = -1
        try:
            while told < (told := self._told()):
                with suppress(subprocess.TimeoutExpired):
                    return self._process.wait(PATIENCE)
            pytest.fail(f"the process neither ends nor does anything for {PATIENCE:g} s")
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()


@pytest.fixture
def client(tmp_path: Path) -> CloudTasksClient:
    """Calls on the same file, from a process that delivers nothing. The two queues are there."""
    backend = Backend(Settings(database=f"sqlite:///{tmp_path}/tasks.db", quotas="none"), Targets)
    client: CloudTasksClient = inprocess.client(TASKS, backend.calls)
    limits = RateLimits(max_dispatches_per_second=100_000, max_concurrent_dispatches=CONCURRENT)
    for name, attempts in ((QUEUE, -1), (POISON_QUEUE, ATTEMPTS)):
        queue = Queue(name=name, rate_limits=limits, retry_config=RetryConfig(max_attempts=attempts))
        client.create_queue(parent=PARENT, queue=queue)
    return client


@pytest.mark.timeout(120 + 10 * KILLS)
# Of several processes one delivers, and has to keep up with what all create.
@pytest.mark.parametrize(("processes", "pause"), [(1, 0), (3, 1)])
def test_a_killed_app_keeps_the_tasks_that_it_created(
    tmp_path: Path, client: CloudTasksClient, record_property: Callable[[str, object], None], processes: int, pause: int
) -> None:
    random_, waiting = random.Random(processes), threading.Event()
    with ExitStack() as stack:
        running: list[Process] = []
        for kill in range(KILLS):
            new = [Process(tmp_path, "load", f"{kill}-{n}", pause) for n in range(processes - len(running))]
            running += [stack.enter_context(closing(process)) for process in new]
            for process in new:
                process.runs()
            waiting.wait(random_.uniform(0.01, 0.5))  # the load runs; when the kill comes is left to chance
            running.pop(random_.randrange(len(running))).kill()
    told = finished(tmp_path)
    record_property("accepted", len(told.accepted))
    print(f"{len(told.accepted)} accepted, {sum(told.repeated().values())} run again", flush=True)
    assert len(told.accepted) > KILLS
    nothing_came_too_seldom_too_often_or_early(told)


@pytest.mark.timeout(120 + 10 * KILLS)
def test_a_task_that_kills_its_process_is_given_up_after_its_last_attempt(
    tmp_path: Path, client: CloudTasksClient
) -> None:
    """Each attempt is counted on disk before the app is called, also where it begins with the task."""
    poisons = [f"poison-{number}" for number in range(-(-KILLS // ATTEMPTS))]
    for poison in poisons:
        name = f"{POISON_QUEUE}/tasks/{poison}"
        for attempt in range(1, ATTEMPTS + 1):
            with closing(Process(tmp_path, "poison" if attempt == 1 else "deliver", poison)) as process:
                assert process.end() == -signal.SIGKILL
            assert client.get_task(name=name).dispatch_count == attempt
    told = finished(tmp_path)
    assert list(client.list_tasks(parent=POISON_QUEUE)) == []
    assert told.deaths == {poison: list(range(ATTEMPTS)) for poison in poisons}
    nothing_came_too_seldom_too_often_or_early(told)


def finished(folder: Path) -> Told:
    """What the processes told, after all was done that was left."""
    with closing(Process(folder, "finish")) as process:
        assert process.end() == 0
    return Told(folder / "journal")


def nothing_came_too_seldom_too_often_or_early(told: Told) -> None:
    assert told.lost() == set()
    assert told.early() == set()
    assert told.twice_in_a_process() == set()
    assert max(told.repeated().values(), default=0) <= CONCURRENT
