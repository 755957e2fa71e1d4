"""The service of a test: in memory, by the test's clock, and in the place of whatever was configured."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

from google.api_core import exceptions as google_errors

from gcptasks.base import stand_ins
from gcptasks.base.errors import NotFound, TaskError
from gcptasks.base.events import Events
from gcptasks.base.names import LocationName
from gcptasks.client.api import SCHEDULER, TASKS, Api
from gcptasks.client.transport import async_client_over, client_over
from gcptasks.observe.log import log
from gcptasks.results.store import StoreSettings
from gcptasks.runtime.tokens import Tokens
from gcptasks.server.local_results import LocalResults
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.service.upkeep import sweep
from gcptasks.store.database import parse_database
from gcptasks.store.queues import StoredQueue
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from gcptasks.testing.clock import TestClock
from gcptasks.testing.service_faults import ServiceFaults
from gcptasks.wire.cloud_scheduler import messages as job_messages
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.google_errors import as_google

APP_URL = "http://testserver"
"""Where the app is: that of Starlette's own TestClient. Every other URL leads into the app as well."""

_FULL = 2
"""The view that shows bodies."""
_ALL = 2**31


class TestService:
    """Cloud Tasks and Cloud Scheduler for one test. It delivers nothing by itself."""

    __test__ = False

    def __init__(self) -> None:
        self.clock = TestClock()
        self.events = Events()
        self.events.subscribe(log)
        self.store = Store(parse_database("memory:"), self.events)
        self.policy = Policy(create_queues=True, app_engine=APP_URL)
        self.calls = Calls(self.store, self.clock, self.policy)
        self.tokens = Tokens(self.store, APP_URL)
        self.faults = ServiceFaults()
        self.recorded_here = set[str]()
        self.requests: list[Any] = []
        """Google's messages, as callers sent them."""
        self._results = cache(self._make_results)
        self._client = cache(self._make_client)
        self._async_client = cache(self._make_async_client)

    def begin(self) -> None:
        """Stand in for all that is configured in this process; `SetupError` if another one does."""
        stand_ins.use(self)
        self.clock.begin()

    def end(self) -> None:
        """Let everything be as it was."""
        self.clock.end()
        stand_ins.use_none()

    def client(self, api: Api[Any, Any]) -> Any:
        """Google's client of that API, on this service."""
        return self._client(api)

    def async_client(self, api: Api[Any, Any]) -> Any:
        """The same, async."""
        return self._async_client(api)

    def results(self, settings: StoreSettings) -> LocalResults:
        """A store of results in its database."""
        return self._results(settings)

    def waiting(self) -> list[Any]:
        """All tasks that are not done, as raw messages."""
        requests = (
            messages.ListTasksRequest(parent=str(stored.queue.name), response_view=_FULL)
            for stored in self.store.read(all_queues)
        )
        return [
            task for request in requests for page in self._pages(TASKS, "ListTasks", request) for task in page.tasks
        ]

    def jobs(self) -> list[Any]:
        """All jobs, as raw messages."""
        requests = (job_messages.ListJobsRequest(parent=str(one)) for one in self.store.read(all_locations))
        return [
            job for request in requests for page in self._pages(SCHEDULER, "ListJobs", request) for job in page.jobs
        ]

    def _pages(self, api: Api[Any, Any], method: str, request: Any) -> Iterator[Any]:
        while True:
            page = self.calls.call_sync(f"/{api.service}/{method}", request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def force(self, name: str) -> None:
        """Have an attempt of that task or job made at once; `NotFound` of Google's if there is none."""
        path, request = (
            (f"/{SCHEDULER.service}/RunJob", job_messages.RunJobRequest(name=name))
            if "/jobs/" in name
            else (f"/{TASKS.service}/RunTask", messages.RunTaskRequest(name=name))
        )
        try:
            self.calls.call_sync(path, request)
        except NotFound as error:
            raise google_errors.NotFound(f"{name} has run already, was deleted or was never created") from error
        except TaskError as error:
            raise as_google(error) from error

    def move_clock(self, at: datetime) -> None:
        """Set the clock, and drop what is too old then, such as tasks after 31 days."""
        self.clock.move_to(at)
        while self.store.write_sync_unsynced(sweep, at, at):
            pass

    def _make_results(self, settings: StoreSettings) -> LocalResults:
        return LocalResults(self.store, self.clock, settings, self.recorded_here)

    def _make_client(self, api: Api[Any, Any]) -> Any:
        def carry(path: str, request: Any) -> Any:
            method = self._note(api, path, request)
            self.faults.before(method)
            response = self.calls.call_sync(path, request)
            self.faults.after()
            return response

        return client_over(api, carry, "test")

    def _make_async_client(self, api: Api[Any, Any]) -> Any:
        async def carry(path: str, request: Any) -> Any:
            method = self._note(api, path, request)
            self.faults.before(method)
            response = await self.calls.call(path, request)
            self.faults.after()
            return response

        return async_client_over(api, carry, "test")

    def _note(self, api: Api[Any, Any], path: str, request: Any) -> str:
        """Keep what is asked; the method's name."""
        self.requests.append(wrapped(api, _copy(request)))
        return path.rpartition("/")[2]


def all_locations(tx: Tx) -> list[LocationName]:
    """Every location that has a queue or a job."""
    return tx.locations.page(None, "", _ALL)


def all_queues(tx: Tx) -> list[StoredQueue]:
    """Every queue."""
    return tx.queues.after(0, _ALL)


def _copy(request: Any) -> Any:
    copied = type(request)()
    copied.CopyFrom(request)
    return copied


def wrapped(api: Api[Any, Any], request: Any) -> Any:
    """Google's own message of a raw one, so far as it has a wrapper for it."""
    kind = getattr(import_module(api.client.module), request.DESCRIPTOR.name, None)
    return request if kind is None else kind.wrap(request)
