"""Google's APIs as three kinds of callers have them, by a clock that the test moves."""

import re
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

import grpc
from anyio.from_thread import BlockingPortal, start_blocking_portal
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud.scheduler_v1 import CloudSchedulerClient, Job
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import (
    CloudSchedulerGrpcTransport,
    CloudSchedulerRestTransport,
)
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport, CloudTasksRestTransport

from gcptasks.base.events import JobAttemptFailed, JobAttemptStarted, JobAttemptSucceeded
from gcptasks.client import inprocess
from gcptasks.client.api import SCHEDULER, TASKS
from gcptasks.runtime.targets.address import parse_app_url
from gcptasks.runtime.targets.asgi import AsgiApp, AsgiTarget
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings, Settings
from gcptasks.store.tx import Tx
from runtime.runtime_doubles import ManualClock
from service.service_rest import AsOverGrpc
from service.service_world import Api, Heard

PARENT = "projects/p/locations/l"
START = datetime(2026, 10, 1, tzinfo=UTC)
"""Of the clock; a Thursday, in the weeks of Google's recorded answers."""
WORKER = "http://worker.test/"
"""Where nobody is."""
APP_URL = "http://app.test"
"""Of an app in the process of the service, if there is one."""

E = TypeVar("E", JobAttemptStarted, JobAttemptFailed, JobAttemptSucceeded)


@dataclass(frozen=True, slots=True)
class Opened:
    """A service that no other test has, and Google's client on it."""

    client: Any
    backend: Backend
    portal: BlockingPortal
    clock: ManualClock
    address: str = ""
    """Of the port, if there is one."""


class Clocked(Api):
    """Google's client on a service that goes by a clock of the test's."""

    def __init__(self, opened: Opened) -> None:
        heard = Heard()
        opened.backend.events.subscribe(heard)
        super().__init__(opened.client, heard, PARENT)
        self.address = opened.address
        self._backend = opened.backend
        self._portal = opened.portal
        self._clock = opened.clock

    @property
    def now(self) -> datetime:
        return self._clock.now()

    def at(self, when: str | datetime) -> None:
        """Move the clock to that time, in UTC if it is a text such as `2026-10-04 23:55:00.504`."""
        moment = datetime.fromisoformat(when).replace(tzinfo=UTC) if isinstance(when, str) else when
        self._portal.call(self._clock.advance, moment - self._clock.now())


class JobApi(Clocked):
    """Google's client of Cloud Scheduler."""

    def name(self, job_id: str = "j", /) -> str:
        return f"{self.parent}/jobs/{job_id}"

    def job(self, schedule: str = "0 9 * * *", job_id: str = "j", **fields: Any) -> Any:
        """Make a job, with a target that nobody listens at if no other is given."""
        return self.call("create_job", parent=self.parent, job=self._message(schedule, job_id, fields))

    def no_job(self, schedule: str = "0 9 * * *", job_id: str = "j", **fields: Any) -> tuple[type[Any], str]:
        """How the making of such a job is refused: the error's class and message."""
        return self.refuses("create_job", parent=self.parent, job=self._message(schedule, job_id, fields))

    def refuses(self, method: str, **request: Any) -> tuple[type[GoogleAPICallError], str]:
        refusal = self.refusal(method, **request)
        return refusal.kind, refusal.message

    def fetch(self, job_id: str = "j") -> Any:
        return self.call("get_job", name=self.name(job_id))

    def update(self, *paths: str, job_id: str = "j", **fields: Any) -> Any:
        """Update the job with a mask of these paths, with none if there are none."""
        request: dict[str, Any] = {"job": {"name": self.name(job_id), **fields}}
        if paths:
            request["update_mask"] = {"paths": paths}
        return self.call("update_job", **request)

    def published(self) -> list[tuple[str, bytes, dict[str, str]]]:
        """Topic, data and attributes of what was published while there was no emulator of Pub/Sub."""
        return [(one.topic, one.data, dict(one.attributes)) for one in self._backend.published.messages()]

    def shorten_deadlines(self) -> None:
        """Give workers a tenth of a second; a caller can give them 15 at least (CS-164)."""
        self._backend._store.write_sync(_shorten_deadlines)

    def next_at(self, job_id: str = "j") -> datetime:
        """The next time of the job."""
        return _datetime(self.fetch(job_id).schedule_time)

    def next_of(self, schedule: str, time_zone: str = "UTC") -> str:
        """The next time of a new job, in UTC."""
        job = self.job(schedule, job_id="other", time_zone=time_zone)
        self.call("delete_job", name=job.name)
        return shown(job.schedule_time)

    def wait(self, kind: type[E], count: int = 1, job_id: str = "j") -> E:
        """The event of that kind about the job, once there are so many."""
        event: E = self.heard.nth(count, lambda event: isinstance(event, kind) and str(event.job) == self.name(job_id))
        return event

    def count(self, kind: type[E], job_id: str = "j") -> int:
        """How many events of that kind there were so far."""
        return sum(isinstance(event, kind) and str(event.job) == self.name(job_id) for event in self.heard.events)

    def run_next(self, job_id: str = "j") -> None:
        """Move the clock to the job's next time, and return once its attempt has ended."""
        ended = self._ended(job_id)
        self.at(self.next_at(job_id))
        self.heard.nth(ended + 1, lambda event: self._is_end(event, job_id))

    def gaps(self, job_id: str = "j") -> list[float]:
        """Run the job at its next time; the seconds between its attempts, which all fail, until no more come."""
        self.run_next(job_id)
        number, times = self.count(JobAttemptFailed, job_id), list[datetime]()
        while True:
            failed = self.wait(JobAttemptFailed, number, job_id)
            times.append(failed.at)
            if failed.next_at is None:
                return [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
            self.at(failed.next_at)
            number += 1

    def _ended(self, job_id: str) -> int:
        return sum(self._is_end(event, job_id) for event in self.heard.events)

    def _is_end(self, event: Any, job_id: str) -> bool:
        return isinstance(event, JobAttemptFailed | JobAttemptSucceeded) and str(event.job) == self.name(job_id)

    def _message(self, schedule: str, job_id: str, fields: dict[str, Any]) -> dict[str, Any]:
        targets = ("http_target", "pubsub_target", "app_engine_http_target")
        target = {} if any(one in fields for one in targets) else {"http_target": {"uri": WORKER}}
        given = {"name": self.name(job_id), "schedule": schedule, "time_zone": "UTC", **target, **fields}
        return {name: value for name, value in given.items() if value is not None}


def shown(when: Any) -> str:
    """A time of Google's, in UTC: `2026-10-05 00:00:00`, with a fraction only where there is one."""
    return re.sub(r"\+00:00$", "", str(_datetime(when)))


def _datetime(when: Any) -> datetime:
    return datetime.fromtimestamp(when.timestamp(), UTC)


def has(job: Any, field: str) -> bool:
    """Whether the message field is there, which proto-plus shows as None or as an empty one."""
    return bool(Job.pb(job).HasField(field))


def _shorten_deadlines(tx: Tx) -> None:
    tx._sql.execute("UPDATE jobs SET deadline_us = 100000")


@dataclass(frozen=True, slots=True)
class Google:
    """One of Google's APIs: our record of it, and Google's classes."""

    api: Any
    client: Any
    grpc: Any
    rest: Any


JOBS = Google(SCHEDULER, CloudSchedulerClient, CloudSchedulerGrpcTransport, CloudSchedulerRestTransport)
TASK_QUEUES = Google(TASKS, CloudTasksClient, CloudTasksGrpcTransport, CloudTasksRestTransport)


@asynccontextmanager
async def _backend(settings: Settings, clock: ManualClock, app: AsgiApp | None) -> AsyncGenerator[Backend]:
    apps = None if app is None else {parse_app_url(APP_URL): AsgiTarget(app)}
    backend = Backend(settings, lambda: Targets(apps, tokens=backend.tokens), clock=clock)
    await backend.start()
    try:
        yield backend
    finally:
        await backend.stop(timedelta(seconds=5))


@contextmanager
def in_process(google: Google, app: AsgiApp | None = None, **settings: Any) -> Generator[Opened]:
    """`app` has the tasks for `APP_URL`."""
    clock = ManualClock(START)
    serving = _backend(Settings(database="memory:", **settings), clock, app)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving) as backend:
        yield Opened(inprocess.client(google.api, backend.calls), backend, portal, clock)


@contextmanager
def _over_grpc(google: Google, **settings: Any) -> Generator[Opened]:
    clock = ManualClock(START)
    serving = emulating(PortSettings(port=0, database="memory:", **settings), clock=clock)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving) as emulator,
        grpc.insecure_channel(emulator.address) as channel,
    ):
        client = google.client(transport=google.grpc(channel=channel))
        yield Opened(client, emulator._backend, portal, clock, emulator.address)


@contextmanager
def _over_rest(google: Google, **settings: Any) -> Generator[Opened]:
    clock = ManualClock(START)
    serving = emulating(PortSettings(port=0, database="memory:", **settings), clock=clock)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving) as emulator:
        transport = google.rest(host=emulator.address, url_scheme="http", credentials=AnonymousCredentials())
        with google.client(transport=transport) as client:
            yield Opened(AsOverGrpc(client), emulator._backend, portal, clock, emulator.address)


WAYS: Mapping[str, Callable[..., AbstractContextManager[Opened]]] = {
    "in process": in_process,
    "grpc": _over_grpc,
    "rest": _over_rest,
}
"""Each takes the API, and settings of the service."""
