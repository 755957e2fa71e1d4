"""Context variables: a task has none of whoever enqueued it, nor of the task before, as over HTTP."""

import asyncio
import logging
import socket
import threading
import urllib.request
from contextvars import ContextVar
from typing import Any

import pytest
import uvicorn
from fastapi import BackgroundTasks, FastAPI
from google.cloud.tasks_v2 import Queue, RateLimits

from fastapi_gcp_tasks import LocalService, as_async_delayed_task, as_delayed_task
from server.server_apps import QUEUE, URL, Done, async_task_router, serving, task_router

USER: ContextVar[str] = ContextVar("USER", default="nobody")


class SignIn:
    """Takes the query of a request for its user."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if user := scope.get("query_string"):
            USER.set(user.decode())
        await self.app(scope, receive, send)


class Tenants:
    """An app whose middleware says who calls. Its tasks note whom they see, and leave a name there."""

    def __init__(self) -> None:
        self.local = LocalService("memory:", app_url=URL)
        self.seen = Done()
        self.app = FastAPI()
        tasks, async_tasks = task_router(self.local), async_task_router(self.local)

        self.app.add_middleware(SignIn)

        @as_delayed_task
        @tasks.post("/on-the-loop")
        async def on_the_loop() -> None:
            self.see("a task on the loop")

        @as_delayed_task
        @tasks.post("/in-a-thread")
        def in_a_thread() -> None:
            self.see("a task in a thread")

        @as_async_delayed_task
        @async_tasks.post("/awaited")
        async def awaited() -> None:
            self.see("a task")

        self.tasks = (on_the_loop, in_a_thread, awaited)

        @self.app.post("/blocking")
        async def blocking() -> None:
            on_the_loop.delay()
            in_a_thread.delay()

        @self.app.post("/awaiting")
        async def awaiting() -> None:
            await asyncio.gather(awaited.delay(), awaited.delay())

        @self.app.post("/from-a-thread")
        def from_a_thread() -> None:
            on_the_loop.delay()
            in_a_thread.delay()

        @self.app.post("/after-the-response")
        async def after_the_response(background: BackgroundTasks) -> None:
            background.add_task(on_the_loop.delay)
            background.add_task(awaited.delay)

        self.app.include_router(tasks)
        self.app.include_router(async_tasks)
        self.local.install(self.app)

    def see(self, task: str) -> None:
        self.seen.append(USER.get())
        USER.set(task)


@pytest.mark.parametrize("path", ["blocking", "awaiting", "from-a-thread", "after-the-response"])
def test_a_task_sees_nothing_of_the_request_that_enqueued_it(path: str) -> None:
    tenants = Tenants()
    server = uvicorn.Server(uvicorn.Config(tenants.app, log_level="warning", ws="none", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/{path}"
        for user in ("alice", "bob"):
            urllib.request.urlopen(f"{url}?{user}", data=b"").close()
        asyncio.run(tenants.seen.reach(4))
        server.should_exit = True
        thread.join()
    assert tenants.seen == ["nobody"] * 4


async def test_a_task_sees_nothing_of_the_task_before_it() -> None:
    """The queue has one place, so the end of each task begins the next."""
    tenants = Tenants()
    on_the_loop, in_a_thread, awaited = tenants.tasks
    tenants.local.tasks_client().create_queue(
        parent=QUEUE.partition("/queues/")[0],
        queue=Queue(name=QUEUE, rate_limits=RateLimits(max_concurrent_dispatches=1)),
    )
    async with serving(tenants.app):
        for _ in range(20):
            on_the_loop.delay()
            in_a_thread.delay()
            await awaited.delay()
        await tenants.seen.reach(60)
    assert tenants.seen == ["nobody"] * 60


async def test_a_task_sees_what_was_set_before_delivery_began() -> None:
    """Such as settings of `decimal`, which are context variables too."""
    tenants = Tenants()
    USER.set("the program")
    async with serving(tenants.app):
        USER.set("a request")
        tenants.tasks[0].delay()
        await tenants.seen.reach(1)
    assert tenants.seen == ["the program"]


async def test_a_line_of_the_log_about_one_task_names_no_user_of_another(caplog: pytest.LogCaptureFixture) -> None:
    """Calls that are committed together are one transaction, made by the first of them."""
    tenants = Tenants()
    users: list[tuple[str, str]] = []

    class Named(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            users.append((record.getMessage().split(" ")[2], USER.get()))
            return True

    async def enqueue(user: str) -> None:
        USER.set(user)
        await tenants.tasks[2].delay()

    caplog.set_level(logging.DEBUG, "gcptasks")
    named = Named()
    caplog.handler.addFilter(named)
    async with serving(tenants.app):
        await asyncio.gather(enqueue("alice"), enqueue("bob"))
        await tenants.seen.reach(2)
    caplog.handler.removeFilter(named)
    assert {user for what, user in users if what in ("created,", "attempt")} == {"nobody"}
    assert sum(what == "created," for what, _ in users) == 2
