"""The local service inside an application: no server, no port, tasks kept in a file."""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gcptasks.base import stand_ins
from gcptasks.base.app_checks import check_app
from gcptasks.base.asgi import Delivery
from gcptasks.base.errors import SetupError
from gcptasks.client import inprocess
from gcptasks.client.api import SCHEDULER, TASKS
from gcptasks.results.store import KEEP, MAX_BYTES, ResultStore, StoreSettings
from gcptasks.runtime.targets.address import AppUrl, parse_app_url
from gcptasks.runtime.targets.asgi import AsgiTarget
from gcptasks.runtime.targets.pubsub import PublishedMessage
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.server.lifespan import App, StartWatch, refuse_later_lifespans
from gcptasks.server.settings import BackoffChoice, QuotasChoice, Settings
from gcptasks.store.connection import Synchronous

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient


class LocalService:
    """Cloud Tasks inside this application: no server and no port, and tasks are kept in a file.

    `database`: `sqlite:///tasks.db` (relative), `sqlite:////var/lib/tasks.db` (absolute), or `memory:`, which is gone
    with the process.
    `app_url`: a task for this URL, or one below it, goes straight into the app. Others are sent over HTTP.
    `synchronous`: with `"full"`, the default, a task that was accepted survives a crash and a power cut. With
    `"normal"` it survives a crash, and a power cut may lose the last ones.
    `create_queues`: a task for a queue that does not exist creates it, with Google's defaults.
    `quotas`: `"none"` lifts Google's upper limits of rate and concurrency.
    `reuse_names`: names of deleted queues, and of tasks that are done or deleted, can be used again at once.
    `issuer`: who the tokens of tasks say signed them, a URL. The default is `app_url`.
    `app_engine`: where tasks and jobs for App Engine go, a URL or `host:port`. The default is the server of `app_url`,
    so that those below it go straight into the app.
    `pubsub`: where jobs publish, `host:port` of an emulator of Pub/Sub. Without it `published` keeps their messages.
    `run_paused_jobs`: lets RunJob run a job that is paused, which Google refuses.
    `job_backoff`: how the waits between a job's attempts grow after they were doubled: as Google documents it, or with
    `"measured"` by 2 seconds each, as it was measured.
    `grace`: how many seconds a stopping service waits for tasks that run.

    Raises `ValueError` if a setting is not accepted, and `StoreError` at the first use if the file cannot be used.
    """

    def __init__(
        self,
        database: str,
        *,
        app_url: str,
        synchronous: Synchronous = "full",
        create_queues: bool = True,
        quotas: QuotasChoice = "google",
        reuse_names: bool = False,
        issuer: str | None = None,
        app_engine: str | None = None,
        pubsub: str | None = None,
        run_paused_jobs: bool = False,
        job_backoff: BackoffChoice = "documented",
        grace: float = 10.0,
    ) -> None:
        self._app_place = parse_app_url(app_url)
        self.app_url = app_url
        """This URL, and all below it, are the app."""
        self._settings = Settings(
            database=database,
            synchronous=synchronous,
            create_queues=create_queues,
            quotas=quotas,
            reuse_names=reuse_names,
            issuer=app_url if issuer is None else issuer,
            app_engine=str(self._app_place.origin) if app_engine is None else app_engine,
            pubsub=pubsub,
            run_paused_jobs=run_paused_jobs,
            job_backoff=job_backoff,
            grace=grace,
        )
        self._installed: App | None = None
        self._start_watch: StartWatch | None = None
        self._running_in: int | None = None
        """The process in which it runs: in a forked child it has to be started anew."""
        self._apps: dict[AppUrl, AsgiTarget] = {}
        self._backend = Backend(self._settings, lambda: Targets(self._apps, tokens=self._backend.tokens))

    def tasks_client(self) -> "CloudTasksClient":
        """Google's client, for this service. Use it from any thread, also before the app has started."""
        return inprocess.client(TASKS, self._backend.calls)

    def async_tasks_client(self) -> "CloudTasksAsyncClient":
        """Google's async client, for this service. Use it on any event loop, also before the app has started."""
        return inprocess.async_client(TASKS, self._backend.calls)

    def scheduler_client(self) -> "CloudSchedulerClient":
        """Google's client for jobs of this service. Use it from any thread, also before the app has started."""
        return inprocess.client(SCHEDULER, self._backend.calls)

    def async_scheduler_client(self) -> "CloudSchedulerAsyncClient":
        """Google's async client for jobs of this service. Use it on any event loop, also before the app has started."""
        return inprocess.async_client(SCHEDULER, self._backend.calls)

    def results(
        self, *, expires_after: timedelta = KEEP, max_bytes: int = MAX_BYTES, tracebacks: bool = False
    ) -> ResultStore:
        """What becomes of tasks, kept in the service's database: give it to builders as `results=`.

        `expires_after`: how long a task can be asked about after it was made, started anew or finished.
        `max_bytes`: how large a result may be. A larger one makes its task fail.
        `tracebacks`: keep the tracebacks of errors as well.
        """
        return self._backend.results(
            StoreSettings(expires_after=expires_after, max_bytes=max_bytes, tracebacks=tracebacks)
        )

    @property
    def published(self) -> list[PublishedMessage]:
        """What jobs have published in this process while no `pubsub` was given, the oldest first.

        The newest 10,000 messages, as far as these have no more than 16 MiB.
        """
        return self._backend.published.messages()

    def install(self, app: App) -> None:
        """Deliver tasks while the app runs. Call it last, after every `include_router`.

        Delivery begins when all lifespans have started, and stops before the first of them ends. Before it begins, the
        tasks of the app are checked as by `check_tasks(app, app_url=…)`: what that raises ends the start.

        Raises `SetupError` if the service is installed already. The lifespan of an app that is mounted in another never
        starts: install the service in the outer app. An error in the log says so at the first request.
        """
        if self._installed is not None:
            raise SetupError("this LocalService is installed in an app already: make another for another app")
        self._installed = app
        router = app.router
        inner = router.lifespan_context

        @asynccontextmanager
        async def whole(app: Any) -> AsyncGenerator[Mapping[str, Any] | None]:
            if not stand_ins.in_use():  # a test kit puts a lifespan around, too
                refuse_later_lifespans(router, whole)
            async with inner(app) as state, self.running(app, state=state):
                yield state

        router.lifespan_context = whole
        self._start_watch = StartWatch(router, self._backend.events)

    @asynccontextmanager
    async def running(self, app: Any, *, state: Mapping[str, Any] | None = None) -> AsyncGenerator[None]:
        """Deliver tasks into `app` while this block runs, with `state` in its `request.state`.

        Under a test kit it delivers nothing.

        Raises `SetupError` if the service is running already, and `TaskRouteError` if a task cannot run in the app.
        """
        if self._running_in == os.getpid():
            raise SetupError("this LocalService is running already: start it once, by install or by running")
        # Not before: routers may be included until the app starts. Nothing is delivered yet.
        check_app(app, self.app_url)
        if stand_ins.in_use():
            # Tasks go to the service of a test. What is in the file, perhaps since yesterday, is no part of that.
            yield
            return
        self._running_in = os.getpid()
        if self._start_watch is not None:
            self._start_watch.end()
        try:
            tokens = self._backend.tokens
            self._apps[self._app_place] = AsgiTarget(app, state, Delivery(tokens.issuer, tokens.public_keys))
            await self._backend.start()
            # Made now: at the very end of the interpreter, when a coroutine that was thrown away is closed, Python 3.13
            # crashes where a time is made.
            grace = self._settings.grace_period
            try:
                yield
            finally:
                await self._backend.stop(grace)
        finally:
            self._running_in = None
