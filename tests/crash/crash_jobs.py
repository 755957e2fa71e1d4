"""What workers saw of jobs, and what the services said that were killed meanwhile."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web

from crash.crash_scheduler import FastClock
from crash.crash_worker import Worker

TESTS = Path(__file__).parent.parent
MINUTE = timedelta(minutes=1)
LONGEST = 0.4
"""Seconds that an attempt takes at most, so that some are under way when a kill comes."""


@dataclass(frozen=True)
class Arrival:
    job: str
    scheduled_at: datetime
    at: datetime


class JobWorker(Worker):
    """Keeps which job came, for which scheduled time, and when by the clock of the test."""

    def __init__(self, clock: FastClock) -> None:
        super().__init__()
        self._clock = clock
        self._random = random.Random(1)
        self.arrivals: list[Arrival] = []

    async def _receive(self, request: web.Request) -> web.Response:
        at = self._clock.now()
        job = request.headers["X-CloudScheduler-JobName"]
        scheduled_at = datetime.fromisoformat(request.headers["X-CloudScheduler-ScheduleTime"])
        self.arrivals.append(Arrival(job, scheduled_at, at))
        await asyncio.sleep(self._random.choice([0, self._random.uniform(0, LONGEST)]))
        return web.Response()

    def times(self, job: str) -> Counter[datetime]:
        """How often the job came for each scheduled time."""
        return Counter(one.scheduled_at for one in self.arrivals if one.job == job)


class Service:
    """A process that runs jobs; killed and started again."""

    def __init__(self, database: Path, zero: float, speed: float) -> None:
        self._command = [sys.executable, "-m", "crash.crash_scheduler", str(database), str(zero), str(speed)]
        self.said: list[dict[str, str]] = []
        """Events of all its processes, in their order."""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Return once it has started."""
        self._process = subprocess.Popen(self._command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
        self._started = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process,))
        self._reader.start()
        assert self._started.wait(60), "it did not start"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._reader.join(60)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    close = kill

    def stop(self) -> None:
        """Have it stand still, though it may lead."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def of(self, kind: str, job: str) -> list[dict[str, str]]:
        """What was said of that kind of event, of the job."""
        return [one for one in self.said if one.get("kind") == kind and one["name"].endswith(f"/jobs/{job}")]

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("}\n"):  # not the half of one
                self.said.append(json.loads(line))
                self._started.set()


def named(services: list[Service], job: str, until: datetime) -> set[datetime]:
    """The scheduled times of a job of every minute that were named as not run, or not to their end."""
    found: set[datetime] = set()
    for service in services:
        for kind in ("ExecutionSkipped", "JobAttemptFailed"):
            found |= {datetime.fromisoformat(one["scheduled_at"]) for one in service.of(kind, job)}
        for one in service.of("ExecutionMissed", job):
            at, next_at = datetime.fromisoformat(one["scheduled_at"]), datetime.fromisoformat(one["next_at"])
            while at < min(next_at, until):
                found.add(at)
                at += MINUTE
    return found


def minutes(after: datetime, until: datetime) -> list[datetime]:
    """Each full minute later than `after`, up to `until`."""
    at = after.replace(second=0, microsecond=0) + MINUTE
    found: list[datetime] = []
    while at <= until:
        found.append(at)
        at += MINUTE
    return found
