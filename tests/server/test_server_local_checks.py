"""An app whose tasks cannot run does not start with its service: what is wrong is said before anything is delivered."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header

from fastapi_gcp_tasks import LocalService, TaskRouteError, as_delayed_task
from server.server_apps import QUEUE, URL, Done, StartFailed, serving, task_router


class Prefixed:
    """An app that serves its task under /in, whatever the base URL is."""

    def __init__(self, base: str, database: str = "memory:") -> None:
        self.local = LocalService(database, app_url=URL)
        self.done = Done()
        self.app = FastAPI()
        tasks = task_router(self.local, url=base)

        @as_delayed_task
        @tasks.post("/note")
        async def note(text: str) -> None:
            self.done.append(text)

        @self.app.post("/note")
        async def other(text: str) -> None:
            self.done.append(f"{text}, to the wrong one")

        self.note = note
        self.local.install(self.app)
        self.app.include_router(tasks, prefix="/in")


async def test_nothing_is_delivered_to_the_wrong_endpoint(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/tasks.db"
    wrong = Prefixed(URL, database)
    wrong.note.delay(text="hello")
    with pytest.raises(StartFailed, match=r"where POST /note \(other\) answers instead.*set the base URL to .*/in"):
        async with serving(wrong.app):
            pass
    assert not wrong.done
    assert len(list(wrong.local.tasks_client().list_tasks(parent=QUEUE))) == 1


async def test_an_app_whose_tasks_can_run_starts_though_they_were_included_after_install() -> None:
    right = Prefixed(f"{URL}/in")
    right.note.delay(text="hello")
    async with serving(right.app):
        await right.done.reach(1)
    assert right.done == ["hello"]


async def test_running_in_a_lifespan_of_ones_own_checks_as_well() -> None:
    wrong = Prefixed(URL)
    with pytest.raises(TaskRouteError, match="note"):
        async with wrong.local.running(wrong.app):
            pass
    right = Prefixed(f"{URL}/in")
    async with right.local.running(right.app):
        right.note.delay(text="hello")
        await right.done.reach(1)


async def test_tasks_that_go_elsewhere_are_not_asked_for_here() -> None:
    async with serving(Prefixed("http://elsewhere.local").app):
        pass


async def test_what_outer_routers_ask_for_is_passed_in_process_too() -> None:
    def needs(x_tenant: Annotated[str, Header()]) -> None:
        done.append(x_tenant)

    local, done, outer = LocalService("memory:", app_url=URL), Done(), APIRouter(dependencies=[Depends(needs)])
    tasks = task_router(local)

    @tasks.post("/note")
    async def note(text: str) -> None:
        done.append(text)

    task: Any = note
    outer.include_router(tasks)
    app = FastAPI()
    app.include_router(outer)
    local.install(app)
    async with serving(app):
        with pytest.raises(ValueError, match="x_tenant"):
            task.delay(text="hello")
        task.delay(text="hello", x_tenant="acme")
        await done.reach(2)
    assert done == ["acme", "hello"]
