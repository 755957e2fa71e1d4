"""Scheduled routes on the real local service, in process and over its port, by the sync and the async client."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header
from google.api_core import exceptions
from google.cloud.scheduler_v1 import GetJobRequest, Job, OidcToken
from pydantic import BaseModel

from fastapi_gcp_tasks import (
    AsyncScheduledRouteBuilder,
    CloudSchedulerHeaders,
    DoNotRetry,
    LocalService,
    ScheduledRouteBuilder,
    injected,
)
from fastapi_gcp_tasks.dependencies import verify_oidc
from fastapi_gcp_tasks.hooks import oidc_scheduled_hook
from fastapi_gcp_tasks.utils import async_scheduler_emulator_client, scheduler_emulator_client
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from routes.scheduled_fakes import EACH_MORNING, LOCATION
from server.server_apps import URL, Done, serving
from targets.targets_workers import serving as serving_http

ACCOUNT = "jobs@p.iam.gserviceaccount.com"
ONCE_A_YEAR = "0 0 1 1 *"


class Place:
    """Where an app and its service are, and how it calls that."""

    def __init__(self, router: Callable[..., APIRouter], app: FastAPI) -> None:
        self.router = router
        """Makes a router of scheduled endpoints, with more options of the builder."""
        self.app = app


Where = Callable[[Any], AbstractAsyncContextManager[Place]]


@asynccontextmanager
async def in_process(build: Any) -> AsyncGenerator[Place]:
    app, local = FastAPI(), LocalService("memory:", app_url=URL)
    client = local.scheduler_client() if build is ScheduledRouteBuilder else local.async_scheduler_client

    def router(**options: Any) -> APIRouter:
        return APIRouter(route_class=build(location_path=LOCATION, base_url=URL, client=client, **options))

    place = Place(router, app)
    async with local.running(app):
        yield place


@asynccontextmanager
async def on_a_port(build: Any) -> AsyncGenerator[Place]:
    app = FastAPI()
    async with serving_http(app) as url, emulating(PortSettings(port=0)) as emulator:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CLOUD_SCHEDULER_EMULATOR_HOST", emulator.address)

            def router(**options: Any) -> APIRouter:
                return APIRouter(route_class=build(location_path=LOCATION, base_url=url, **options))

            yield Place(router, app)


PLACES = [
    (where, build) for where in (in_process, on_a_port) for build in (ScheduledRouteBuilder, AsyncScheduledRouteBuilder)
]
each_place = pytest.mark.parametrize(
    ("where", "build"), PLACES, ids=["in process, sync", "in process, async", "port, sync", "port, async"]
)


async def called(method: Callable[..., Any], *args: Any, **values: Any) -> Any:
    """The answer. A sync client waits in a thread: the service may be on this loop."""
    if inspect.iscoroutinefunction(method):
        return await method(*args, **values)
    return await asyncio.to_thread(method, *args, **values)


class Report(BaseModel):
    region: str
    pages: int = 1


@each_place
async def test_a_run_calls_the_endpoint_with_the_arguments(where: Where, build: Any) -> None:
    done = Done()
    async with where(build) as place:
        jobs = place.router()

        @jobs.post("/reports/{kind}")
        async def report(
            kind: str,
            report: Report,
            x_token: Annotated[str, Header()],
            copies: int = 1,
            headers: Annotated[CloudSchedulerHeaders, Depends()] = injected,
        ) -> None:
            done.append((kind, report, x_token, copies, headers.job_name, headers.schedule_time))

        place.app.include_router(jobs)
        task: Any = report
        job = task.scheduler(name="yearly", schedule=ONCE_A_YEAR)
        made = await called(job.schedule, "säles", Report(region="north"), x_token="t", copies=2)
        assert (await called(job.run)).name == f"{LOCATION}/jobs/yearly"
        await done.reach(1)
    # A run that was forced is told the job's next time (CS-059).
    assert done == [("säles", Report(region="north"), "t", 2, "yearly", made.schedule_time)]
    assert made.schedule_time == datetime(datetime.now(UTC).year + 1, 1, 1, tzinfo=UTC)


@each_place
async def test_a_job_from_its_first_schedule_to_its_deletion(where: Where, build: Any) -> None:
    async with where(build) as place:

        @place.router().post("/greet")
        def greet(name: str) -> None: ...

        task: Any = greet
        job = task.scheduler(name="greet", schedule=EACH_MORNING)
        for verb in ("get", "pause", "resume", "run"):
            with pytest.raises(exceptions.NotFound):
                await called(getattr(job, verb))
        assert await called(job.delete) is False

        first = await called(job.schedule, name="Ada")
        assert (first.state, first.retry_config.retry_count) == (Job.State.ENABLED, 5)
        assert (await called(job.pause)).state is Job.State.PAUSED
        with pytest.raises(exceptions.FailedPrecondition):
            await called(job.pause)
        paused = await called(job.get)
        again = await called(job.schedule, name="Ada")
        assert (again.state, again.user_update_time) == (Job.State.PAUSED, paused.user_update_time)
        changed = await called(job.schedule, name="Zoe")
        assert (changed.state, changed.http_target.uri[-9:]) == (Job.State.PAUSED, "?name=Zoe")
        assert (await called(job.resume)).state is Job.State.ENABLED
        forced = await called(task.scheduler(name="greet", schedule=EACH_MORNING, force=True).schedule, name="Zoe")
        assert forced.user_update_time > changed.user_update_time

        assert await called(job.delete) is True
        assert await called(job.delete) is False


@each_place
async def test_a_schedule_that_is_none_is_refused_by_the_service(where: Where, build: Any) -> None:
    async with where(build) as place:

        @place.router().post("/greet")
        def greet() -> None: ...

        task: Any = greet
        with pytest.raises(exceptions.InvalidArgument, match=r"The provided schedule or timezone are invalid\."):
            await called(task.scheduler(name="greet", schedule="every now and then").schedule)


@each_place
async def test_many_workers_that_start_at_once_make_one_job(where: Where, build: Any) -> None:
    async with where(build) as place:

        @place.router().post("/greet")
        def greet(name: str) -> None: ...

        task: Any = greet
        job = task.scheduler(name="greet", schedule=EACH_MORNING)
        made = await asyncio.gather(*(called(job.schedule, name="Ada") for _ in range(20)))
        assert {(one.name, one.user_update_time) for one in made} == {
            (f"{LOCATION}/jobs/greet", made[0].user_update_time)
        }


@each_place
async def test_a_worker_may_ask_that_a_run_is_not_tried_again(where: Where, build: Any) -> None:
    done = Done()
    async with where(build) as place:
        jobs = place.router()

        @jobs.post("/fails")
        async def fails() -> None:
            done.append("ran")
            raise DoNotRetry("it would fail again")

        place.app.include_router(jobs)
        task: Any = fails
        job = task.scheduler(name="fails", schedule=ONCE_A_YEAR)
        await called(job.schedule)
        await called(job.run)
        await done.reach(1)
        while (found := await called(job.get)).status.code == -1:
            await asyncio.sleep(0.01)
        assert found.status.code == 0
    assert done == ["ran"]


@each_place
async def test_callers_are_verified(where: Where, build: Any) -> None:
    done = Done()
    token = OidcToken(service_account_email=ACCOUNT, audience="https://aud")
    async with where(build) as place:
        verify = verify_oidc(audience="https://aud", service_accounts=[ACCOUNT])
        jobs = place.router(pre_create_hook=oidc_scheduled_hook(token), verify=verify)

        @jobs.post("/secret")
        async def secret() -> None:
            done.append("ran")

        place.app.include_router(jobs)
        task: Any = secret
        job = task.scheduler(name="secret", schedule=ONCE_A_YEAR)
        await called(job.schedule)
        await called(job.run)
        await done.reach(1)


async def test_a_job_is_scheduled_while_the_app_starts_and_kept_over_a_restart(tmp_path: Path) -> None:
    local: LocalService

    def app_of(service: LocalService) -> tuple[FastAPI, Any]:
        jobs = APIRouter(
            route_class=AsyncScheduledRouteBuilder(
                location_path=LOCATION, base_url=URL, client=service.async_scheduler_client
            )
        )

        @jobs.post("/greet")
        async def greet(name: str) -> None: ...

        task: Any = greet
        job = task.scheduler(name="greet", schedule=EACH_MORNING)

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
            await job.schedule(name="Ada")
            yield

        app = FastAPI(lifespan=lifespan)
        app.include_router(jobs)
        service.install(app)
        return app, job

    seen: list[Job] = []
    for _ in range(2):
        local = LocalService(f"sqlite:///{tmp_path}/jobs.db", app_url=URL)
        app, job = app_of(local)
        async with serving(app):
            seen.append(await job.get())
    assert seen[0].user_update_time == seen[1].user_update_time


async def test_the_utilities_make_clients_for_an_address() -> None:
    async with emulating(PortSettings(port=0)) as emulator:
        request = GetJobRequest(name=f"{LOCATION}/jobs/j")
        client: Any = scheduler_emulator_client(emulator.address)
        with pytest.raises(exceptions.NotFound, match=r"Job not found\."):
            await called(client.get_job, request)
        with pytest.raises(exceptions.NotFound, match=r"Job not found\."):
            await async_scheduler_emulator_client(host=emulator.address).get_job(request)
    for make in (scheduler_emulator_client, async_scheduler_emulator_client):
        with pytest.raises(ValueError, match="host must be host:port"):
            make("localhost")


@pytest.mark.parametrize("build", [ScheduledRouteBuilder, AsyncScheduledRouteBuilder])
async def test_a_malformed_emulator_address_is_refused_by_name(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_SCHEDULER_EMULATOR_HOST", "localhost")
    router = APIRouter(route_class=build(location_path=LOCATION, base_url=URL))

    @router.post("/greet")
    def greet() -> None: ...

    task: Any = greet
    with pytest.raises(ValueError, match="CLOUD_SCHEDULER_EMULATOR_HOST must be host:port, such as localhost:8123"):
        await called(task.scheduler(name="greet", schedule=EACH_MORNING).schedule)


def test_nothing_is_read_or_called_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_SCHEDULER_EMULATOR_HOST", "localhost")
    for build in (ScheduledRouteBuilder, AsyncScheduledRouteBuilder):
        router = APIRouter(route_class=build(location_path=LOCATION, base_url=URL))

        @router.post("/greet")
        def greet() -> None: ...

        task: Any = greet
        assert task.scheduler(name="greet", schedule=EACH_MORNING)
