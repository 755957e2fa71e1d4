"""App Engine tasks of a service inside an application."""

from fastapi import FastAPI, Request
from google.cloud.tasks_v2 import AppEngineHttpRequest, Task

from fastapi_gcp_tasks import LocalService
from server.server_apps import QUEUE, URL, Done, serving
from targets import targets_workers


def app_that_notes(done: Done) -> FastAPI:
    app = FastAPI()

    @app.post("/{path:path}")
    async def note(request: Request) -> None:
        done.append((request.url.path, request.headers["host"], (await request.body()).decode()))

    return app


def create(local: LocalService, uri: str) -> None:
    request = AppEngineHttpRequest(relative_uri=uri, app_engine_routing={"service": "s"}, body=b"hello")
    local.tasks_client().create_task(parent=QUEUE, task=Task(app_engine_http_request=request))


async def test_they_go_into_the_app() -> None:
    """CT-L8."""
    local, done = LocalService("memory:", app_url=URL), Done()
    app = app_that_notes(done)
    local.install(app)
    async with serving(app):
        create(local, "/a?b=c")
        await done.reach(1)
    assert done == [("/a", "s.p.l.r.appspot.com", "hello")]


async def test_they_go_into_the_app_below_its_url_as_well() -> None:
    """As on Google, the path is the whole one."""
    local, done = LocalService("memory:", app_url=f"{URL}/api"), Done()
    app = app_that_notes(done)
    local.install(app)
    async with serving(app):
        create(local, "/api/a")
        await done.reach(1)
    assert done == [("/api/a", "s.p.l.r.appspot.com", "hello")]


async def test_they_go_to_another_server_if_one_is_given() -> None:
    """CT-L8."""
    mine, elsewhere = Done(), Done()
    async with targets_workers.serving(app_that_notes(elsewhere)) as url:
        local = LocalService("memory:", app_url=URL, app_engine=url)
        app = app_that_notes(mine)
        local.install(app)
        async with serving(app):
            create(local, "/a")
            await elsewhere.reach(1)
    assert (mine, elsewhere) == ([], [("/a", "s.p.l.r.appspot.com", "hello")])
