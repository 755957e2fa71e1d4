"""When an app that carries its service delivers: between the start and the end of all its lifespans."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from fastapi_gcp_tasks import LocalService, as_delayed_task
from gcptasks.base.errors import SetupError
from loops import run as run_on_loop
from server.server_apps import QUEUE, URL, Done, StartFailed, serving, task_router

Lifespan = Callable[[Any], Any]

# The lowest Starlette says so of what FastAPI still takes.
handlers_are_old = pytest.mark.filterwarnings(
    "ignore:The on_startup and on_shutdown parameters are deprecated:DeprecationWarning:starlette.routing"
)


def lifespan_of(name: str, done: Done) -> Lifespan:
    """A lifespan that notes when it has started and when it begins to end."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncGenerator[None]:
        done.append(f"{name} started")
        yield
        done.append(f"{name} ends")

    return lifespan


class Held:
    """An app with a task that runs until it is let go, and lifespans of its own and of its routers."""

    def __init__(self, database: str, **options: Any) -> None:
        self.local = LocalService(database, app_url=URL, **options)
        self.done = Done()
        self.go = asyncio.Event()
        self.app = FastAPI(lifespan=lifespan_of("app", self.done))
        outer = APIRouter(lifespan=lifespan_of("router", self.done))
        inner = task_router(self.local, lifespan=lifespan_of("nested router", self.done))

        @as_delayed_task
        @inner.post("/hold")
        async def hold(name: str) -> None:
            self.done.append(f"{name} begins")
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.done.append(f"{name} is cancelled")
                raise
            self.done.append(f"{name} done")

        self.hold = hold
        outer.include_router(inner)
        self.app.include_router(outer)
        self.local.install(self.app)

    def left(self) -> int:
        return len(list(self.local.tasks_client().list_tasks(parent=QUEUE)))


async def test_delivery_begins_when_all_lifespans_have_started_and_ends_before_the_first_of_them_ends() -> None:
    held = Held("memory:")
    held.hold.delay(name="first")
    async with serving(held.app):
        await held.done.until(lambda: "first begins" in held.done)
        asyncio.get_running_loop().call_later(0.05, held.go.set)  # the stop is waiting by then
    assert held.done == [
        "app started",
        "router started",
        "nested router started",
        "first begins",
        "first done",
        "nested router ends",
        "router ends",
        "app ends",
    ]
    assert held.left() == 0


@pytest.mark.parametrize("database", ["file", "memory:"])
async def test_what_is_enqueued_while_it_stops_waits_for_the_next_start(tmp_path: Path, database: str) -> None:
    """The same object again, on the same loop."""
    held = Held(f"sqlite:///{tmp_path}/tasks.db" if database == "file" else database)
    held.hold.delay(name="first")
    async with serving(held.app):
        await held.done.until(lambda: "first begins" in held.done)

        def while_stopping() -> None:
            held.hold.delay(name="second")
            held.go.set()

        asyncio.get_running_loop().call_later(0.05, while_stopping)
    assert held.left() == 1
    assert "second begins" not in held.done
    async with serving(held.app):
        await held.done.until(lambda: "second done" in held.done)
    assert held.done.count("app started") == held.done.count("app ends") == 2


@pytest.mark.parametrize("database", ["file", "memory:"])
def test_one_service_runs_on_one_event_loop_after_another(tmp_path: Path, database: str) -> None:
    """As test clients do, each with a loop of its own."""
    held = Held(f"sqlite:///{tmp_path}/tasks.db" if database == "file" else database)

    async def run(name: str) -> None:
        held.go = asyncio.Event()
        held.go.set()
        async with serving(held.app):
            held.hold.delay(name=name)
            await held.done.until(lambda: f"{name} done" in held.done)

    for name in ("first", "second", "third"):
        run_on_loop(run(name))
    assert held.left() == 0


async def test_what_takes_longer_than_the_grace_is_cancelled_and_delivered_again_by_the_next_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    held = Held("memory:", grace=0.05)
    held.hold.delay(name="long")
    async with serving(held.app):
        await held.done.until(lambda: "long begins" in held.done)
    assert held.done[-4:] == ["long is cancelled", "nested router ends", "router ends", "app ends"]
    assert "1 attempts took too long and are left to the next start" in caplog.text
    assert held.left() == 1
    held.go.set()
    async with serving(held.app):
        await held.done.until(lambda: "long done" in held.done)
        await held.done.until(lambda: held.left() == 0)


async def test_a_shutdown_that_is_cancelled_still_ends_everything(tmp_path: Path) -> None:
    """The server loses its patience: the lead is free, and the task is left to the next start."""
    held = Held(f"sqlite:///{tmp_path}/tasks.db")
    held.hold.delay(name="long")
    with pytest.raises(asyncio.CancelledError):
        async with serving(held.app) as lifespan:
            await held.done.until(lambda: "long begins" in held.done)
            asyncio.get_running_loop().call_later(0.05, lifespan.cancel)
    assert "long is cancelled" in held.done
    other = Held(f"sqlite:///{tmp_path}/tasks.db")
    other.go.set()
    async with serving(other.app):
        await other.done.until(lambda: "long done" in other.done)
    assert other.left() == 0


async def test_an_app_that_cannot_start_delivers_nothing_and_can_start_later() -> None:
    local, done, fails = LocalService("memory:", app_url=URL), Done(), [True, False]

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncGenerator[None]:
        if fails.pop(0):
            raise RuntimeError("no database today")
        yield

    app, tasks = FastAPI(lifespan=lifespan), task_router(local)

    @as_delayed_task
    @tasks.post("/note")
    async def note() -> None:
        done.append("note")

    app.include_router(tasks)
    local.install(app)
    note.delay()
    with pytest.raises(StartFailed, match="no database today"):
        async with serving(app):
            pass
    assert done == []
    async with serving(app):
        await done.reach(1)


async def test_a_lifespan_that_fails_at_its_end_ends_after_the_delivery() -> None:
    local = LocalService("memory:", app_url=URL)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncGenerator[None]:
        yield
        raise RuntimeError("it cannot be closed")

    app = FastAPI(lifespan=lifespan)
    local.install(app)
    for _ in range(2):
        with pytest.raises(StartFailed, match="it cannot be closed"):
            async with serving(app):
                pass


async def test_a_database_that_cannot_be_used_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "tasks.db").write_bytes(b"This is a text about something else entirely." * 100)
    app, done = FastAPI(), Done()
    LocalService(f"sqlite:///{tmp_path}/tasks.db", app_url=URL).install(app)
    with pytest.raises(StartFailed, match="is not a database of this service"):
        async with serving(app):
            done.append("started")
    assert done == []


@handlers_are_old
async def test_event_handlers_run_around_the_delivery() -> None:
    """`on_startup` and `on_shutdown`, for those who have not moved on to lifespans."""
    local, done = LocalService("memory:", app_url=URL), Done()
    app = FastAPI(on_startup=[lambda: done.append("startup")], on_shutdown=[lambda: done.append("shutdown")])
    tasks = task_router(local)

    @as_delayed_task
    @tasks.post("/note")
    async def note() -> None:
        done.append("note")

    app.include_router(tasks)
    local.install(app)
    note.delay()
    async with serving(app):
        await done.until(lambda: "note" in done)
    assert done == ["startup", "note", "shutdown"]


# What comes after `install`.

LATER = r"a router with a lifespan was included after LocalService\.install\(app\): call install last"


def _with_lifespan() -> APIRouter:
    return APIRouter(lifespan=lifespan_of("late", Done()))


def _with_a_nested_one() -> APIRouter:
    outer = APIRouter()
    outer.include_router(_with_lifespan())
    return outer


def _with_a_handler() -> APIRouter:
    return APIRouter(on_startup=[lambda: None])


@handlers_are_old
@pytest.mark.parametrize("late", [_with_lifespan, _with_a_nested_one, _with_a_handler])
async def test_a_router_with_a_lifespan_that_is_included_later_is_an_error_at_start(
    late: Callable[[], APIRouter],
) -> None:
    local, done = LocalService("memory:", app_url=URL), Done()
    app = FastAPI(lifespan=lifespan_of("app", done))
    local.install(app)
    app.include_router(late())
    with pytest.raises(StartFailed, match=LATER):
        async with serving(app):
            pass
    assert done == []


async def test_a_router_without_a_lifespan_may_be_included_later() -> None:
    local, done, app = LocalService("memory:", app_url=URL), Done(), FastAPI()
    local.install(app)
    outer, tasks = APIRouter(), task_router(local)

    @as_delayed_task
    @tasks.post("/note")
    async def note() -> None:
        done.append("note")

    outer.include_router(tasks)
    app.include_router(outer)
    app.include_router(APIRouter(), prefix="/more")
    async with serving(app):
        note.delay()
        await done.reach(1)


async def test_a_service_is_installed_once_and_runs_once() -> None:
    local, app = LocalService("memory:", app_url=URL), FastAPI()
    local.install(app)
    with pytest.raises(SetupError, match="installed in an app already: make another for another app"):
        local.install(FastAPI())
    async with serving(app):
        with pytest.raises(SetupError, match="running already: start it once, by install or by running"):
            async with local.running(app):
                pass
        # The refused one has taken nothing from the running one.
        with pytest.raises(SetupError):
            async with local.running(app):
                pass


@pytest.mark.parametrize(
    "url", ["", "app.local", "ftp://app.local", "http://", "http://app.local:port", "http://a/?q=1", "http://a/#b"]
)
def test_an_app_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"app_url must be a URL such as 'http://app\.local', not "):
        LocalService("memory:", app_url=url)
