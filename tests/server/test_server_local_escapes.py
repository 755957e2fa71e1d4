"""What is no `Exception` leaves an endpoint: its attempt ends all the same, and the endpoint alone has failed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from fastapi import FastAPI

from fastapi_gcp_tasks import LocalService, as_delayed_task
from server.server_apps import QUEUE, URL, Done, serving, task_router

PARENT = "projects/p/locations/l"


class TheirOwn(BaseException):
    """A user's class that is no `Exception`."""


class Unspeakable(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise ValueError("no text")


async def cancelled_future() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def cancelled_task() -> None:
    task = asyncio.create_task(asyncio.sleep(3600))
    asyncio.get_running_loop().call_soon(task.cancel)
    await task


async def cancels_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def raised_from_a_thread() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt("in a thread")

    await asyncio.to_thread(interrupt)


def raises(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def raise_it() -> None:
        raise error

    return raise_it


ESCAPES: dict[str, Callable[[], Awaitable[None]]] = {
    "CancelledError": cancelled_future,
    "CancelledError of a task": cancelled_task,
    "CancelledError raised": raises(asyncio.CancelledError()),
    "the app cancelled the task in which it ran": cancels_itself,
    "TheirOwn: x": raises(TheirOwn("x")),
    "BaseExceptionGroup: g (1 sub-exception)": raises(BaseExceptionGroup("g", [TheirOwn()])),
    "KeyboardInterrupt": raises(KeyboardInterrupt()),
    "KeyboardInterrupt: in a thread": raised_from_a_thread,
    "SystemExit: 3": raises(SystemExit(3)),
    "GeneratorExit": raises(GeneratorExit()),
    "Unspeakable": raises(Unspeakable()),
}


@pytest.mark.parametrize("reason", ESCAPES)
async def test_the_attempt_ends_and_its_place_is_free(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    """Fifty of them, on a queue that has two places: then it still has both."""
    local, app, done = LocalService("memory:", app_url=URL), FastAPI(), Done()
    tasks = task_router(local)
    both = asyncio.Barrier(2)

    @as_delayed_task
    @tasks.post("/escape")
    async def escape() -> None:
        await ESCAPES[reason]()

    @as_delayed_task
    @tasks.post("/meet")
    async def meet() -> None:
        await both.wait()
        done.append("met")

    app.include_router(tasks)
    local.install(app)
    rates = {"max_concurrent_dispatches": 2}
    retry = {"max_attempts": 2, "min_backoff": {"nanos": 1_000_000}, "max_backoff": {"nanos": 1_000_000}}
    queue = {"name": QUEUE, "rate_limits": rates, "retry_config": retry}
    client = local.tasks_client()
    client.create_queue({"parent": PARENT, "queue": queue})
    for _ in range(25):
        escape.delay()
    async with serving(app):
        await done.until(lambda: not list(client.list_tasks(parent=QUEUE)))
        for attempt in ("attempt 1 failed", "attempt 2 failed"):
            assert caplog.text.count(attempt) == 25
        for _ in range(4):
            meet.delay()
        await done.reach(4)
    text = reason.removesuffix(" of a task").removesuffix(" raised")
    assert f"attempt 1 failed: {text}; next attempt" in caplog.text
    told = [record for record in caplog.records if record.exc_info]
    assert len(told) == 50
    assert {record.name for record in told} == {"gcptasks"}


async def test_a_registry_of_running_tasks_may_cancel_one(caplog: pytest.LogCaptureFixture) -> None:
    """What the app cancels is a failed attempt, not one that is under way for ever."""
    local, app, done = LocalService("memory:", app_url=URL), FastAPI(), Done()
    tasks = task_router(local)
    running: list[asyncio.Task[None] | None] = []

    @as_delayed_task
    @tasks.post("/long")
    async def long() -> None:
        running.append(asyncio.current_task())
        if len(running) == 1:
            await asyncio.Event().wait()
        done.append("second time")

    app.include_router(tasks)
    local.install(app)
    async with serving(app):
        long.delay()
        await done.until(lambda: len(running) == 1)
        assert running[0] is not None
        running[0].cancel()
        await done.reach(1)
    assert "attempt 1 failed: the app cancelled the task in which it ran; next attempt" in caplog.text


async def test_a_loop_that_ends_under_an_attempt_leaves_it_to_the_next_start(caplog: pytest.LogCaptureFixture) -> None:
    """`asyncio.run` cancels what is left; the attempt is not counted as failed, so the next comes without a backoff."""
    local, app, done = LocalService("memory:", app_url=URL), FastAPI(), Done()
    tasks = task_router(local)

    @as_delayed_task
    @tasks.post("/long")
    async def long() -> None:
        done.append("begun")
        if len(done) == 1:
            await asyncio.Event().wait()

    app.include_router(tasks)
    local.install(app)

    async def leave() -> None:
        await left_open.enter_async_context(serving(app))
        await done.reach(1)

    left_open = AsyncExitStack()
    retry = {"max_attempts": 2, "min_backoff": {"seconds": 3600}, "max_backoff": {"seconds": 3600}}
    local.tasks_client().create_queue({"parent": PARENT, "queue": {"name": QUEUE, "retry_config": retry}})
    long.delay()
    await asyncio.to_thread(asyncio.run, leave())
    assert "attempt 1 failed" not in caplog.text
    async with serving(app):
        await done.reach(2)


@pytest.mark.parametrize("runner", ["run", "run_until_complete"])
def test_ctrl_c_ends_the_process_also_while_an_endpoint_runs(runner: str) -> None:
    """With `asyncio.run` it is the second that interrupts; the first cancels, and here the app does not care."""
    program = Path(__file__).with_name("server_ctrl_c_program.py")
    with subprocess.Popen([sys.executable, program, runner], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"busy\n"
        os.kill(process.pid, signal.SIGINT)
        if runner == "run":
            assert process.stdout.readline() == b"cancelled\n"
            os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    # asyncio may say after it that tasks were pending.
    assert b"\nKeyboardInterrupt\n" in errors
    assert process.returncode == -signal.SIGINT
