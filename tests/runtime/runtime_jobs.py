"""The scheduler with a store, by the clock that the test moves."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from gcptasks.base.events import Event, Events
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.runtime.scheduler import Scheduler
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.wire.cloud_scheduler import messages
from gcptasks.wire.cloud_scheduler.names import SERVICE
from gcptasks.wire.common import Duration
from runtime.runtime_doubles import ManualClock, RecordingTarget
from runtime.runtime_world import settled

PARENT = "projects/p/locations/l"
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)

E = TypeVar("E", bound=Event)


def seconds(number: int) -> Duration:
    return Duration(seconds=number)


class JobWorld:
    """A store, a scheduler on it, and the clock that both go by."""

    def __init__(
        self, path: Path | None = None, policy: Policy | None = None, target: RecordingTarget | None = None
    ) -> None:
        self.clock = ManualClock()
        self.events: list[Event] = []
        self.path = path
        self.policy = policy or Policy()
        self.target = target or RecordingTarget()
        self.open()

    def open(self) -> None:
        """Have a store and a scheduler on the same file, as a process that starts."""
        bus = Events()
        bus.subscribe(self.events.append)
        self.store = Store(parse_database("memory:" if self.path is None else str(self.path)), bus)
        self.calls = Calls(self.store, self.clock, self.policy)
        self.scheduler = Scheduler(self.store, self.target, self.clock, self.policy)

    async def __aenter__(self) -> "JobWorld":
        await self.scheduler.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.target.gate.set()
        await self.scheduler.stop(timedelta(seconds=5))
        self.store.close()

    def call(self, name: str, message: Any) -> Any:
        return self.calls.call_sync(f"/{SERVICE}/{name}", message)

    def job(self, schedule: str, job_id: str = "j", *, body: bytes = b"", **fields: Any) -> str:
        """Create a job; its name."""
        name = f"{PARENT}/jobs/{job_id}"
        target = messages.HttpTarget(uri="http://worker.local/", body=body)
        job = messages.Job(name=name, schedule=schedule, http_target=target, **fields)
        self.call("CreateJob", messages.CreateJobRequest(parent=PARENT, job=job))
        return name

    def get(self, name: str) -> messages.Job:
        job: messages.Job = self.call("GetJob", messages.GetJobRequest(name=name))
        return job

    def next_at(self, name: str) -> str:
        return clock_time(self.get(name).schedule_time.ToDatetime())

    def run(self, name: str) -> messages.Job:
        job: messages.Job = self.call("RunJob", messages.RunJobRequest(name=name))
        return job

    def pause(self, name: str) -> None:
        self.call("PauseJob", messages.PauseJobRequest(name=name))

    def answer(self, status: int) -> None:
        """Have attempts answered so from now on."""
        reply = Reply(status=status)

        def answer(request: Outgoing) -> Reply:
            return reply

        self.target.answer = answer

    async def pass_time(self, span: timedelta, step: timedelta = SECOND) -> None:
        """Let so much time pass, step by step, and everything happen that comes with it."""
        until = self.clock.now() + span
        await settled()
        while self.clock.now() < until:
            self.clock.advance(min(step, until - self.clock.now()))
            await settled()

    def sent_at(self) -> list[str]:
        """The scheduled times that workers were told, as minutes and seconds in UTC."""
        times = [dict(one.headers)["X-CloudScheduler-ScheduleTime"] for one in self.target.sent]
        return [clock_time(datetime.fromisoformat(time)) for time in times]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Turn the loop until that is so."""
        while not condition():
            await asyncio.sleep(0)

    async def received(self, count: int) -> None:
        async with asyncio.timeout(20):
            await self.target.received(count)
        await settled()


def clock_time(at: datetime) -> str:
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.strftime("%H:%M:%S")
