"""Jobs into the app that carries the service, and to workers elsewhere: what these see, and whom they let in."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from google.cloud.scheduler_v1 import CloudSchedulerClient, HttpTarget, Job, OidcToken

from fastapi_gcp_tasks import LocalService
from fastapi_gcp_tasks.dependencies import verify_oidc
from fastapi_gcp_tasks.utils import scheduler_emulator_client
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from server.server_apps import URL, Done, serving
from targets.targets_workers import serving as serving_http

PARENT = "projects/p/locations/l"
ACCOUNT = "jobs@my-project.iam.gserviceaccount.com"
AUDIENCE = "https://worker.example.com"
RARELY = "0 0 29 2 *"


def create_and_run(client: CloudSchedulerClient, job_id: str, url: str, **target: Any) -> str:
    name = f"{PARENT}/jobs/{job_id}"
    client.create_job(parent=PARENT, job=Job(name=name, schedule=RARELY, http_target=HttpTarget(uri=url, **target)))
    client.run_job(name=name)
    return name


async def status_of(client: CloudSchedulerClient, name: str) -> int:
    """The code of how its run ended."""
    # In a thread, since a service on a port may be on this very loop.
    while (code := await asyncio.to_thread(lambda: int(client.get_job(name=name).status.code))) == -1:
        await asyncio.sleep(0.001)
    return code


async def test_an_app_has_jobs_pass_its_middleware_with_their_headers_and_its_state() -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, str]]:
        yield {"greeting": "hello"}

    local, app, seen = LocalService("memory:", app_url=URL), FastAPI(lifespan=lifespan), Done()

    @app.middleware("http")
    async def pass_by(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        names = ("X-CloudScheduler", "X-CloudScheduler-JobName", "User-Agent")
        seen.append([request.headers[name] for name in names])
        return await go_on(request)

    @app.put("/report/{day}")
    async def report(day: str, request: Request) -> None:
        seen.append((day, request.state.greeting, await request.body()))

    local.install(app)
    client = local.scheduler_client()
    async with serving(app):
        name = create_and_run(client, "report", f"{URL}/report/today", http_method="PUT", body=b"\x00body")
        assert await status_of(client, name) == 0
    assert seen == [["true", "report", "Google-Cloud-Scheduler"], ("today", "hello", b"\x00body")]


async def test_what_an_app_raises_is_how_its_job_failed() -> None:
    local, app = LocalService("memory:", app_url=URL), FastAPI()

    @app.post("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    local.install(app)
    client = local.scheduler_client()
    async with serving(app):
        assert await status_of(client, create_and_run(client, "broken", f"{URL}/broken")) == 13
        assert await status_of(client, create_and_run(client, "nowhere", f"{URL}/nowhere")) == 5


def router(done: Done) -> APIRouter:
    """A worker that lets in who comes with a token for `AUDIENCE`."""
    verify = verify_oidc(audience=AUDIENCE, service_accounts=[ACCOUNT])
    made = APIRouter(dependencies=[Depends(verify)])

    @made.post("/job")
    async def run(request: Request) -> None:
        done.append(request.headers["X-CloudScheduler-JobName"])

    return made


async def let_in_and_kept_out(client: CloudSchedulerClient, url: str, done: Done) -> None:
    """A job with the right token runs, and others do not, as on Google."""
    right = OidcToken(service_account_email=ACCOUNT, audience=AUDIENCE)
    wrong = OidcToken(service_account_email=ACCOUNT, audience="https://other.example.com")
    for job_id, target, code in (
        ("right", {"oidc_token": right}, 0),
        ("wrong", {"oidc_token": wrong}, 16),
        ("none", {}, 16),
    ):
        name = await asyncio.to_thread(create_and_run, client, job_id, f"{url}/job", **target)
        assert await status_of(client, name) == code, job_id
    assert done == ["right"]


async def test_a_worker_in_process_checks_the_token_of_a_job() -> None:
    local, app, done = LocalService("memory:", app_url=URL), FastAPI(), Done()
    app.include_router(router(done))
    local.install(app)
    async with serving(app):
        await let_in_and_kept_out(local.scheduler_client(), URL, done)


async def test_a_worker_elsewhere_checks_the_token_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    app, done = FastAPI(), Done()
    app.include_router(router(done))
    async with emulating(PortSettings(port=0)) as emulator, serving_http(app) as url:
        monkeypatch.setenv("CLOUD_SCHEDULER_EMULATOR_HOST", emulator.address)
        client = await asyncio.to_thread(scheduler_emulator_client, emulator.address)
        await let_in_and_kept_out(client, url, done)


async def test_a_run_that_a_stop_waits_for_is_not_repeated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    begun, may_end, ran = asyncio.Event(), asyncio.Event(), Done()

    def service() -> tuple[LocalService, FastAPI]:
        local, app = LocalService(f"sqlite:///{tmp_path}/jobs.db", app_url=URL), FastAPI()

        @app.post("/job")
        async def run() -> None:
            begun.set()
            await may_end.wait()
            ran.append("job")

        local.install(app)
        return local, app

    local, app = service()
    async with serving(app):
        name = create_and_run(local.scheduler_client(), "job", f"{URL}/job")
        await begun.wait()
        asyncio.get_running_loop().call_later(0.1, may_end.set)  # when the stop has begun
    assert ran == ["job"]
    local, app = service()
    async with serving(app):
        client = local.scheduler_client()
        assert client.get_job(name=name).status.code == 0
        client.run_job(name=name)
        await ran.reach(2)
    assert ran == ["job", "job"]
    assert "the service ended while it ran" not in caplog.text


def test_a_disk_that_is_full_for_a_while_loses_and_doubles_no_run(tmp_path: Path) -> None:
    """In a process that may write no larger files, for a while."""
    command = [sys.executable, "-m", "server.server_full_disk_jobs_program", f"sqlite:///{tmp_path}/jobs.db"]
    subprocess.run(command, check=True, cwd=Path(__file__).parent.parent, timeout=60)
