"""Many jobs: `jobs due` all at once, `jobs idle file|memory JOBS`, and `jobs month`, by a clock that is moved."""

import asyncio
import json
import resource
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from time import perf_counter
from zoneinfo import ZoneInfo

from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient, HttpTarget, Job

from bench.contestants import port, servers
from bench.contestants.load import IN_FLIGHT, spread
from bench.contestants.memory import resident
from bench.contestants.noops import PARENT
from bench.contestants.tally import Hearer
from fastapi_gcp_tasks.utils import async_scheduler_emulator_client
from gcptasks.client import inprocess
from gcptasks.client.api import SCHEDULER
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.runtime.targets.target import IsWanted, always
from gcptasks.server.backend import Backend
from gcptasks.server.settings import Settings

JOBS = 10_000
CREATED_WITHIN = timedelta(seconds=45)
IDLE_FOR = 20.0
"""Seconds."""


def job(number: int, schedule: str, url: str, zone: str = "UTC") -> Job:
    name = f"{PARENT}/jobs/job-{number}"
    return Job(name=name, schedule=schedule, time_zone=zone, http_target=HttpTarget(uri=url))


async def due(address: str, url: str, hearer: Hearer) -> dict[str, float]:
    """How late all start, and arrive at the one worker, when they are due in the same minute."""
    client = async_scheduler_emulator_client(host=address)
    at = (datetime.now(UTC) + CREATED_WITHIN).replace(second=0, microsecond=0) + timedelta(minutes=1)
    schedule = f"{at.minute} {at.hour} * * *"
    await spread(lambda number: client.create_job(parent=PARENT, job=job(number, schedule, url)), JOBS, IN_FLIGHT)
    if datetime.now(UTC) > at:
        raise RuntimeError(f"the jobs were not created within {CREATED_WITHIN}")
    outcome = await asyncio.to_thread(hearer.outcome)
    started = [late.total_seconds() for late in await starts(client, at)]
    return {
        "arrival p50": outcome.p50 * 1e3,
        "arrival p99": outcome.p99 * 1e3,
        "start p99": statistics.quantiles(started, n=100, method="inclusive")[98] * 1e3,
        "last start": max(started) * 1e3,
        "early": sum(late < 0 for late in started),
    }


async def starts(client: CloudSchedulerAsyncClient, at: datetime) -> list[timedelta]:
    """How long after that time the attempt of each began."""
    listed = [Job.pb(each) async for each in await client.list_jobs(parent=PARENT)]
    return [each.last_attempt_time.ToDatetime(UTC) - at for each in listed]


class Answers:
    """A target that is done with each attempt at once."""

    def __init__(self) -> None:
        self.sent = 0

    async def send(self, request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        self.sent += 1
        on_reply(Reply(status=200))

    async def close(self) -> None:
        pass


class MovedClock:
    """Moves when it is told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._waiting: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    def passed(self) -> float:
        return self._now.timestamp()

    async def wait(self, wake: asyncio.Event, until: datetime) -> None:
        if self._now < until:
            self._waiting.append((until, wake))
            await wake.wait()
        else:
            await asyncio.sleep(0)
        wake.clear()

    def move(self, span: timedelta) -> None:
        self._now += span
        waiting, self._waiting = self._waiting, []
        for until, wake in waiting:
            if until <= self._now:
                wake.set()
            else:
                self._waiting.append((until, wake))


async def idle(database: str, jobs: int) -> dict[str, float]:
    """What a service costs that has many jobs and nothing to do."""
    backend = Backend(Settings(database=database), Answers)
    client: CloudSchedulerClient = inprocess.client(SCHEDULER, backend.calls)
    far = datetime.now(UTC) - timedelta(hours=1)
    empty = resident()
    for number in range(jobs):
        client.create_job(parent=PARENT, job=job(number, f"{far.minute} {far.hour} * * *", "http://worker.local/"))
    await backend.start()
    await asyncio.sleep(2)
    before, began = cpu(), perf_counter()
    await asyncio.sleep(IDLE_FOR)
    used = (cpu() - before) / (perf_counter() - began)
    await backend.stop(timedelta(0))
    return {"of a core": used * 100, "memory": (resident() - empty) / 2**20}


def cpu() -> float:
    """Seconds that this process has computed for."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def month() -> dict[str, float]:
    """Simulate a month of an hourly job in which clocks are put back; the seconds it takes."""
    zone = ZoneInfo("America/New_York")
    first, end = datetime(2026, 11, 1, tzinfo=zone).astimezone(UTC), datetime(2026, 12, 1, tzinfo=zone).astimezone(UTC)
    clock, target = MovedClock(first - timedelta(minutes=1)), Answers()
    backend = Backend(Settings(database="memory:"), lambda: target, clock=clock)
    client: CloudSchedulerClient = inprocess.client(SCHEDULER, backend.calls)
    client.create_job(parent=PARENT, job=job(0, "0 * * * *", "http://worker.local/", zone.key))
    await backend.start()
    began = perf_counter()
    clock.move(timedelta(minutes=1))
    for runs in range(1, (end - first) // timedelta(hours=1) + 1):
        while target.sent < runs:
            await asyncio.sleep(0)
        clock.move(timedelta(hours=1))
    took = perf_counter() - began
    await backend.stop(timedelta(0))
    return {"took": took, "runs": target.sent}


def main(what: str, *arguments: str) -> None:
    match what, arguments:
        case "due", ():
            worker = servers.free_port()
            command = [sys.executable, "-m", "bench.contestants.job_worker", str(worker)]
            with Hearer(JOBS) as hearer, port.ours() as address, servers.server(command, worker):
                figures = asyncio.run(due(address, f"http://127.0.0.1:{worker}/", hearer))
        case "idle", (where, jobs):
            with TemporaryDirectory() as folder:
                figures = asyncio.run(idle("memory:" if where == "memory" else f"{folder}/jobs.db", int(jobs)))
        case "month", ():
            figures = asyncio.run(month())
        case _:
            raise SystemExit(__doc__)
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
