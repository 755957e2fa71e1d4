"""Tasks of an app that carries its service: how they are enqueued, and what their endpoints see."""

import asyncio
import logging
import socket
import sys
import threading
import urllib.request
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import pytest
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response

from fastapi_gcp_tasks import (
    CloudTasksHeaders,
    LocalService,
    as_delayed_task,
    max_retries,
)
from loops import run as run_on_loop
from server.server_apps import QUEUE, URL, Carrier, Done, serving, task_router


@pytest.fixture(params=["file", "memory"])
def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> Carrier:
    return Carrier(f"sqlite:///{tmp_path}/tasks.db" if request.param == "file" else "memory:")


async def _blocking(carrier: Carrier) -> None:
    carrier.note.delay(text="x")


async def _awaited(carrier: Carrier) -> None:
    await carrier.async_note.delay(text="x")


async def _in_a_thread(carrier: Carrier) -> None:
    await asyncio.to_thread(carrier.note.delay, text="x")


async def _on_the_loop_of_another_thread(carrier: Carrier) -> None:
    await asyncio.to_thread(lambda: run_on_loop(_awaited(carrier)))


@pytest.mark.parametrize("way", [_blocking, _awaited, _in_a_thread, _on_the_loop_of_another_thread])
async def test_a_task_is_delivered_however_it_was_enqueued(
    carrier: Carrier, way: Callable[[Carrier], Awaitable[None]]
) -> None:
    async with serving(carrier.app):
        await way(carrier)
        await carrier.done.reach(1)
    assert carrier.done == ["x"]


@pytest.mark.parametrize("way", [_blocking, _awaited, _in_a_thread, _on_the_loop_of_another_thread])
async def test_what_was_enqueued_before_start_up_is_delivered_after_it(
    carrier: Carrier, way: Callable[[Carrier], Awaitable[None]]
) -> None:
    for _ in range(3):
        await way(carrier)
    assert carrier.done == []
    async with serving(carrier.app):
        await carrier.done.reach(3)


async def test_endpoints_that_wait_for_one_another_are_all_under_way() -> None:
    local = LocalService("memory:", app_url=URL)
    tasks, together = task_router(local), 150
    under_way, all_there, done = 0, asyncio.Event(), Done()

    @as_delayed_task
    @tasks.post("/meet")
    async def meet() -> None:
        nonlocal under_way
        under_way += 1
        if under_way == together:
            all_there.set()
        await all_there.wait()
        done.append(None)

    app = FastAPI()
    app.include_router(tasks)
    for _ in range(together):
        meet.delay()
    async with local.running(app):
        await done.reach(together)


async def test_endpoints_in_threads_that_wait_for_one_another_are_all_under_way() -> None:
    local = LocalService("memory:", app_url=URL)
    tasks, together = task_router(local), 30  # of the 40 threads that there are
    barrier, done = threading.Barrier(together, timeout=30), Done()

    @as_delayed_task
    @tasks.post("/meet")
    def meet() -> None:
        barrier.wait()
        done.append(None)

    app = FastAPI()
    app.include_router(tasks)
    for _ in range(3 * together):
        meet.delay()
    async with local.running(app):
        await done.reach(3 * together)


async def test_endpoints_of_both_kinds_enqueue_by_both_clients_without_a_deadlock(carrier: Carrier) -> None:
    async with serving(carrier.app):
        for _ in range(10):
            carrier.from_async_endpoint.delay()
            carrier.from_sync_endpoint.delay()
        await carrier.done.reach(30)
    assert {text: carrier.done.count(text) for text in carrier.done} == {
        "blocking, on the loop": 10,
        "awaited": 10,
        "from a sync endpoint": 10,
    }


async def test_threads_and_the_loop_enqueue_and_ask_at_once_and_all_is_delivered(carrier: Carrier) -> None:
    """A thread that only reads a database in memory holds the writer's lock too; the loop must not miss its turn."""
    client = carrier.local.tasks_client()

    def enqueue_and_ask(number: int) -> None:
        for index in range(30):
            task = carrier.note.delay(text=f"thread {number} {index}")
            list(client.list_tasks(parent=QUEUE))
            assert task.name.startswith(QUEUE)

    async with serving(carrier.app):
        threads = [asyncio.to_thread(enqueue_and_ask, number) for number in range(4)]
        loop = [carrier.async_note.delay(text=f"loop {index}") for index in range(30)]
        await asyncio.gather(*threads, *loop)
        await carrier.done.reach(150)
    assert len(set(carrier.done)) == 150


async def test_another_process_enqueues_and_ends_and_the_running_one_delivers(tmp_path: Path) -> None:
    """The script starts no service; it only has the file."""
    carrier = Carrier(f"sqlite:///{tmp_path}/tasks.db")
    async with serving(carrier.app):
        program = ["-m", "server.server_script_program", f"sqlite:///{tmp_path}/tasks.db"]
        command = [sys.executable, "-W", "error", *program]
        script = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parent.parent)
        await carrier.done.reach(2)
        assert await script.wait() == 0
    assert sorted(carrier.done) == ["from a script", "from a script, awaited"]


def test_what_a_script_left_is_delivered_by_the_next_start(tmp_path: Path) -> None:
    Carrier(f"sqlite:///{tmp_path}/tasks.db").note.delay(text="left")
    carrier = Carrier(f"sqlite:///{tmp_path}/tasks.db")

    async def run() -> None:
        async with serving(carrier.app):
            await carrier.done.reach(1)

    run_on_loop(run())
    assert carrier.done == ["left"]


async def test_who_only_enqueues_keeps_nobody_from_delivering(tmp_path: Path) -> None:
    """A service that was not started does not compete for the lead, though it lives on and enqueues more."""
    enqueuing, carrier = (Carrier(f"sqlite:///{tmp_path}/tasks.db") for _ in range(2))
    enqueuing.note.delay(text="before")
    async with serving(carrier.app):
        await carrier.done.reach(1)
        enqueuing.note.delay(text="after")
        await carrier.done.reach(2)
    assert (carrier.done, enqueuing.done) == (["before", "after"], [])


async def test_a_task_of_the_app_needs_no_port_and_no_connection(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket is used")

    for method in ("bind", "listen", "connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, method, refuse)
    async with serving(carrier.app):
        carrier.from_async_endpoint.delay()
        await carrier.done.reach(2)
    assert sorted(carrier.done) == ["awaited", "blocking, on the loop"]


# What the endpoint sees.


async def test_an_endpoint_runs_with_its_middleware_and_dependencies_and_overrides() -> None:
    local, done = LocalService("memory:", app_url=URL), Done()
    app, tasks = FastAPI(), task_router(local)

    def real() -> str:
        raise AssertionError("it is overridden")

    async def opened() -> AsyncGenerator[str]:
        yield "opened"
        done.append("closed")

    @app.middleware("http")
    async def stamp(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.stamp = request.headers["x-cloudtasks-queuename"]
        response = await call_next(request)
        done.append(response.status_code)
        return response

    @as_delayed_task
    @tasks.post("/note/{text}", status_code=201)
    async def note(
        text: str, request: Request, name: Annotated[str, Depends(real)], file: Annotated[str, Depends(opened)]
    ) -> None:
        done.append((text, name, file, request.state.stamp))

    app.include_router(tasks)
    app.dependency_overrides[real] = lambda: "overridden"
    local.install(app)
    async with serving(app):
        note.delay(text="ä/ö".replace("/", "%"))  # type: ignore[call-arg]  # FastAPI injects the others
        await done.reach(3)
    assert done[0] == ("ä%ö", "overridden", "opened", "q")
    assert sorted(map(str, done[1:])) == ["201", "closed"]


async def test_what_the_lifespans_yield_is_in_the_state_of_each_request() -> None:
    local, done = LocalService("memory:", app_url=URL), Done()

    @asynccontextmanager
    async def of_app(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        yield {"app": ["of the app"]}

    @asynccontextmanager
    async def of_router(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        yield {"router": "of the router"}

    @asynccontextmanager
    async def of_inner(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        yield {"inner": "of a nested router"}

    app = FastAPI(lifespan=of_app)
    outer, inner = task_router(local, lifespan=of_router), task_router(local, lifespan=of_inner)

    @as_delayed_task
    @inner.post("/note")
    async def note(request: Request) -> None:
        done.append((*request.state.app, request.state.router, request.state.inner, hasattr(request.state, "mine")))
        request.state.mine = True

    outer.include_router(inner)
    app.include_router(outer)
    local.install(app)
    async with serving(app):
        note.delay()  # type: ignore[call-arg]  # FastAPI injects the request
        note.delay()  # type: ignore[call-arg]
        await done.reach(2)
    assert done == [("of the app", "of the router", "of a nested router", False)] * 2


async def test_state_given_to_running_is_in_the_requests() -> None:
    local, done, app = LocalService("memory:", app_url=URL), Done(), FastAPI()
    tasks = task_router(local)

    @as_delayed_task
    @tasks.post("/note")
    async def note(request: Request) -> None:
        done.append(request.state.db)

    app.include_router(tasks)
    note.delay()  # type: ignore[call-arg]  # FastAPI injects the request
    async with local.running(app, state={"db": "the database"}):
        await done.reach(1)
    assert done == ["the database"]


async def test_the_headers_tell_of_each_attempt_and_max_retries_ends_the_task(caplog: pytest.LogCaptureFixture) -> None:
    """CT-163 to CT-169."""
    local, done, app = LocalService("memory:", app_url=URL), Done(), FastAPI()
    tasks = task_router(local, dependencies=[Depends(max_retries(2))])

    @as_delayed_task
    @tasks.post("/fail")
    async def fail(headers: Annotated[CloudTasksHeaders, Depends()]) -> None:
        done.append(headers)
        raise HTTPException([500, 404][headers.retry_count])

    app.include_router(tasks)
    local.install(app)
    client = local.tasks_client()
    async with serving(app):
        with caplog.at_level(logging.INFO, "gcptasks"):
            task = fail.options(task_id="mine").delay()  # type: ignore[call-arg]  # FastAPI injects the headers
            await done.until(lambda: not list(client.list_tasks(parent=QUEUE)))
    first, second = done
    assert (first.retry_count, first.execution_count, first.previous_response) == (0, 0, None)
    assert (second.retry_count, second.execution_count, second.previous_response) == (1, 0, 500)
    assert {(headers.queue_name, headers.task_name) for headers in done} == {("q", "mine")}
    assert int(first.eta.timestamp()) == int(task.schedule_time.timestamp())  # type: ignore[attr-defined]  # proto-plus makes it a datetime
    assert first.eta <= second.eta
    assert "attempt 3 done with 200" in caplog.text


async def test_an_app_url_with_a_path_leads_into_the_app_and_others_out_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    local, done, app = LocalService("memory:", app_url="http://app.local/api"), Done(), FastAPI()
    inside, outside = task_router(local, url="http://app.local/api"), task_router(local, url="http://127.0.0.1:9")

    @as_delayed_task
    @inside.post("/note")
    async def note() -> None:
        done.append("note")

    @as_delayed_task
    @outside.post("/elsewhere")
    async def elsewhere() -> None:
        raise AssertionError("it is not this app's")

    app.include_router(inside, prefix="/api")
    app.include_router(outside)
    local.install(app)
    async with serving(app):
        elsewhere.delay()
        note.delay()
        await done.reach(1)
        await done.until(lambda: "connection refused by http://127.0.0.1:9" in caplog.text)


def test_under_uvicorn_all_ways_work_and_a_stop_ends_everything(tmp_path: Path) -> None:
    """The server runs in a thread; the tasks are enqueued from endpoints and from this thread."""
    carrier = Carrier(f"sqlite:///{tmp_path}/tasks.db")
    server = uvicorn.Server(uvicorn.Config(carrier.app, log_level="warning", ws="none", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        carrier.note.delay(text="before or after start-up, who knows")
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        for path in ("/from-sync-endpoint", "/from-async-endpoint"):
            urllib.request.urlopen(f"{url}{path}", data=b"").close()
        run_on_loop(carrier.done.reach(4))
        server.should_exit = True
        thread.join()
    assert sorted(carrier.done) == [
        "awaited",
        "before or after start-up, who knows",
        "blocking, on the loop",
        "from a sync endpoint",
    ]
