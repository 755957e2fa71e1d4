"""The test kit: what a test sees of the tasks of its app, and how it has them run."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from gcptasks.base.errors import InvalidArgument, SetupError
from gcptasks.base.names import parse_job, parse_task
from gcptasks.base.running_loop import running_loop
from gcptasks.client.api import SCHEDULER, TASKS
from gcptasks.results.store import ResultStore, StoreSettings
from gcptasks.runtime.targets.pubsub import PublishedMessage
from gcptasks.testing.application import Application, loaded
from gcptasks.testing.assertions import Assertions
from gcptasks.testing.attempt_faults import NextAttempt
from gcptasks.testing.called import CallFinder
from gcptasks.testing.clock import MovesTime, end_of_advance, in_utc
from gcptasks.testing.delivery import Deliverer
from gcptasks.testing.matching import Wanted
from gcptasks.testing.runs import Run
from gcptasks.testing.service import TestService, wrapped

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient, Job
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

T = TypeVar("T")

_MOST = 1000
"""How many attempts one call makes: more are a task that creates itself anew."""


class _Kit(Assertions):
    """What both kits have."""

    __test__ = False

    def __init__(self, app: Any) -> None:
        """`app`: the application, or where it is, such as `"shop:app"`; or a `CloudTaskClient` without one."""
        self._application = Application(loaded(app))
        self._service = TestService()
        finder = CallFinder(self._application.app)
        super().__init__(finder, self._service.waiting, Wanted())
        self._deliverer = Deliverer(self._service, self._application, finder)
        self._is_under_way = self._is_over = self._runs_tasks = False

    @property
    def now(self) -> datetime:
        """The time by the clock of the test, in UTC. It stands still until it is moved."""
        return self._service.clock.now()

    def freeze(self, at: datetime) -> None:
        """Set the clock to that time; nothing runs. It may go back as long as nothing waits."""
        at = in_utc(at)
        if at < self.now and (self._service.waiting() or self._service.jobs()):
            raise ValueError(f"tasks or jobs wait already, so the clock cannot go back to {at.isoformat()}")
        self._service.move_clock(at)

    def also_move(self, time: MovesTime) -> None:
        """Set the time that the code under test sees as well, whenever the clock moves.

        `time` is what sets it by `move_to`, such as the fixtures `time_machine` and `freezer`.
        """
        self._service.clock.lead(time)

    @property
    def requests(self) -> list[Any]:
        """What was sent to the service, as Google's messages, in order: what would be sent to Google."""
        return list(self._service.requests)

    @property
    def jobs(self) -> "list[Job]":
        """The jobs that there are, by name."""
        return [wrapped(SCHEDULER, job) for job in self._service.jobs()]

    @property
    def published(self) -> list[PublishedMessage]:
        """What jobs have published by Pub/Sub, the oldest first."""
        return self._deliverer.published.messages()

    def next_attempt(self, target: object = None, /, **arguments: Any) -> NextAttempt:
        """The next attempt at such a task, or at a job of that endpoint: say what happens to it."""
        return NextAttempt(self._deliverer.faults, self._match(target, arguments))

    def refuse_next(self, error: Exception) -> None:
        """Have the next call that creates tasks, or writes a job, raise this error of Google's, and change nothing."""
        self._service.faults.refuse_next(error)

    def service_down(self) -> AbstractContextManager[None]:
        """A block in which every call of the service raises `ServiceUnavailable`, and changes nothing."""
        return self._service.faults.down()

    def service_slow(self) -> AbstractContextManager[None]:
        """A block in which every call of the service raises `DeadlineExceeded`, though it did what it was asked."""
        return self._service.faults.slow()

    def tasks_client(self) -> "CloudTasksClient":
        """Google's client, for the service of the test."""
        return self._service.client(TASKS)  # type: ignore[no-any-return]  # of any API

    def async_tasks_client(self) -> "CloudTasksAsyncClient":
        """Google's async client, for the service of the test."""
        return self._service.async_client(TASKS)  # type: ignore[no-any-return]  # as above

    def scheduler_client(self) -> "CloudSchedulerClient":
        """Google's client for jobs, for the service of the test."""
        return self._service.client(SCHEDULER)  # type: ignore[no-any-return]  # as above

    def async_scheduler_client(self) -> "CloudSchedulerAsyncClient":
        """Google's async client for jobs, for the service of the test."""
        return self._service.async_client(SCHEDULER)  # type: ignore[no-any-return]  # as above

    def results(self) -> ResultStore:
        """A store of results in the service of the test. Every store of the app is replaced by such a one."""
        return self._service.results(StoreSettings())

    def begin(self) -> None:
        """Stand in for the service from now on; `SetupError` if another kit does."""
        if self._is_over:
            raise SetupError("this kit is over: make another one for another test")
        self._service.begin()
        self._application.begin()
        self._is_under_way = True

    def end(self) -> None:
        """Let everything be as it was. A second call does nothing."""
        if self._is_under_way:
            self._is_under_way, self._is_over = False, True
            self._application.end()
            self._service.end()

    def _check(self) -> None:
        """`SetupError` where nothing can run."""
        if not self._is_under_way:
            raise SetupError("this kit is not in use: tasks run within its block alone")
        if self._runs_tasks:
            raise SetupError("this kit runs tasks already, one after the other: an endpoint cannot have others run")

    @contextmanager
    def _running(self) -> Generator[None]:
        """A block in which tasks run, and no others may be asked for."""
        self._runs_tasks = True
        try:
            yield
        finally:
            self._runs_tasks = False

    async def _drain(self, *, raise_errors: bool, limit: int) -> list[Run]:
        runs: list[Run] = []
        self._refuse_more(runs, limit, self.now)
        with self._running():
            while run := await self._deliverer.run_next():
                _note(runs, run, raise_errors=raise_errors)
                self._refuse_more(runs, limit, self.now)
        return runs

    async def _advance(self, to: datetime, *, raise_errors: bool, limit: int) -> list[Run]:
        runs: list[Run] = []
        self._refuse_more(runs, limit, to)
        with self._running():
            while (at := self._deliverer.next_at(to)) is not None:
                if at > self.now:
                    self._service.move_clock(at)
                if run := await self._deliverer.run_next():
                    _note(runs, run, raise_errors=raise_errors)
                    self._refuse_more(runs, limit, to)
        self._service.move_clock(to)
        return runs

    def _refuse_more(self, runs: list[Run], limit: int, until: datetime) -> None:
        """`AssertionError` if so many have run, and another one is due by then."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        if len(runs) >= limit and self._deliverer.next_at(until) is not None:
            raise AssertionError(
                f"{limit} attempts ran, and more are due. The last was {runs[-1]}. Give limit= for more"
            )

    async def _run(self, task: object, *, raise_errors: bool) -> Run:
        name = _name_of(task)
        self._service.force(name)
        with self._running():
            run = await self._deliverer.run_next(jobs_alone=True)
            while run is not None and run.name != name:
                run = await self._deliverer.run_next(jobs_alone=True)
        if run is None:
            raise LookupError(f"{name} did not run, as an execution of it is not over: it waits for its next attempt")
        if raise_errors and run.error is not None:
            raise run.error
        return run

    def _until(self, span: timedelta, to: datetime | None) -> datetime:
        until = end_of_advance(self.now, span, to)
        if until < self.now:
            raise ValueError(f"advance goes forward, and {until.isoformat()} is before {self.now.isoformat()}")
        return until


class TestTasks(_Kit):
    """The tasks of an app in a test that is no coroutine: `with TestTasks(app) as tasks:`.

    Within the block every builder and every `CloudTaskClient` sends its tasks to a service in memory, whatever client
    it was given, and their stores of results are replaced likewise. Tasks run when you say so, in the app itself: every
    URL leads there.
    """

    def __init__(self, app: Any) -> None:
        """`app`: the application, or where it is, such as `"shop:app"`; or a `CloudTaskClient` without one."""
        super().__init__(app)
        self._runner: asyncio.Runner | None = None

    def _check(self) -> None:
        super()._check()
        if running_loop() is not None:
            raise SetupError("an event loop runs here: in a test that is a coroutine, use AsyncTestTasks")

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Let everything be as it was."""
        super().end()
        if self._runner is not None:
            self._runner.close()

    def drain(self, *, raise_errors: bool = False, limit: int = _MOST) -> list[Run]:
        """Run what is due, and what becomes due thereby, in order; what ran.

        `raise_errors`: raise the first error that an endpoint raises. `limit`: how many attempts at most; more raise an
        `AssertionError`.
        """
        return self._wait(self._drain(raise_errors=raise_errors, limit=limit))

    def advance(
        self,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        to: datetime | None = None,
        raise_errors: bool = False,
        limit: int = _MOST,
    ) -> list[Run]:
        """Let so much time pass, or all until then; what ran: tasks, retries and jobs, each at its time.

        `raise_errors` and `limit` are those of `drain`.
        """
        span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        until = self._until(span, to)
        return self._wait(self._advance(until, raise_errors=raise_errors, limit=limit))

    def run(self, task: object, *, raise_errors: bool = False) -> Run:
        """Run one task now, due or not: what `.delay` or `push` returned, a handle, or a full name; or one job."""
        return self._wait(self._run(task, raise_errors=raise_errors))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            self._check()
        except SetupError:
            work.close()
            raise
        loop = self._application.loop
        if loop is not None:
            return asyncio.run_coroutine_threadsafe(work, loop).result()
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(work)


class AsyncTestTasks(_Kit):
    """The tasks of an app in a test that is a coroutine: `async with AsyncTestTasks(app) as tasks:`.

    As `TestTasks`, but for what is awaited.
    """

    def _check(self) -> None:
        super()._check()
        if running_loop() is None:
            raise SetupError(
                "the event loop here is not asyncio's, on which the app runs: use that, as a backend of anyio"
            )

    async def __aenter__(self) -> Self:
        self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    async def drain(self, *, raise_errors: bool = False, limit: int = _MOST) -> list[Run]:
        """Run what is due, and what becomes due thereby, in order; what ran.

        `raise_errors`: raise the first error that an endpoint raises. `limit`: how many attempts at most; more raise an
        `AssertionError`.
        """
        self._check()
        return await self._drain(raise_errors=raise_errors, limit=limit)

    async def advance(
        self,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        to: datetime | None = None,
        raise_errors: bool = False,
        limit: int = _MOST,
    ) -> list[Run]:
        """Let so much time pass, or all until then; what ran: tasks, retries and jobs, each at its time.

        `raise_errors` and `limit` are those of `drain`.
        """
        span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        until = self._until(span, to)
        self._check()
        return await self._advance(until, raise_errors=raise_errors, limit=limit)

    async def run(self, task: object, *, raise_errors: bool = False) -> Run:
        """Run one task now, due or not: what `.delay` or `push` returned, a handle, or a full name; or one job."""
        self._check()
        return await self._run(task, raise_errors=raise_errors)


def _note(runs: list[Run], run: Run, *, raise_errors: bool) -> None:
    runs.append(run)
    if raise_errors and run.error is not None:
        raise run.error


def _name_of(task: object) -> str:
    """The full name."""
    name = task if isinstance(task, str) else getattr(task, "name", None)
    if not isinstance(name, str) or not name:
        raise TypeError(f"run takes a task that was created, or its full name, not {task!r}")
    try:
        (parse_job if "/jobs/" in name else parse_task)(name)
    except InvalidArgument:
        raise ValueError(
            "run takes a task that was created, or its full name, as projects/P/locations/L/queues/Q/tasks/T, "
            f"not {name!r}"
        ) from None
    return name
