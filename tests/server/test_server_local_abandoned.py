"""Attempts that go on though they were cancelled: a stop leaves them behind, and what they do later counts no more."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fastapi import FastAPI

from fastapi_gcp_tasks import LocalService, as_async_delayed_task
from server.server_apps import QUEUE, URL, Done, async_task_router, serving
from still_loop import run_still

Stubborn = Callable[[asyncio.Event], Awaitable[None]]
"""Goes on until the event is set."""


async def ignores_everything(let_go: asyncio.Event) -> None:
    while not let_go.is_set():
        try:
            await let_go.wait()
        except BaseException:
            continue


async def cleans_up_without_end(let_go: asyncio.Event) -> None:
    try:
        await let_go.wait()
    finally:
        await let_go.wait()


async def shields_its_work(let_go: asyncio.Event) -> None:
    work = asyncio.ensure_future(let_go.wait())
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            pass


async def cleans_up_for_a_moment(let_go: asyncio.Event) -> None:
    try:
        await let_go.wait()
    finally:
        await asyncio.sleep(0.5)


PROGRAM = Path(__file__).with_name("server_stubborn_program.py")
STUBBORN = pytest.mark.parametrize("stubborn", [ignores_everything, cleans_up_without_end, shields_its_work])


class Carrier:
    """An app with one task whose endpoint goes on until it is let go."""

    def __init__(self, stubborn: Stubborn, database: str = "memory:", grace: float = 0.05) -> None:
        self.local = LocalService(database, app_url=URL, grace=grace)
        self.app, self.done = FastAPI(), Done()
        self.let_go = asyncio.Event()
        self.let_thread_go = threading.Event()
        tasks = async_task_router(self.local)

        @as_async_delayed_task
        @tasks.post("/hold")
        async def hold() -> None:
            self.done.append("begun")
            try:
                await stubborn(self.let_go)
            finally:
                self.done.append("ended")

        @as_async_delayed_task
        @tasks.post("/hold-a-thread")
        def hold_a_thread() -> None:
            self.done.append("begun")
            self.let_thread_go.wait(30)
            self.done.append("ended")

        self.hold, self.hold_a_thread = hold, hold_a_thread
        self.app.include_router(tasks)
        self.local.install(self.app)

    def left(self) -> list[str]:
        return [task.name for task in self.local.tasks_client().list_tasks(parent=QUEUE)]


@pytest.mark.parametrize("grace", [0, 0.05, 15])
@STUBBORN
def test_a_stop_ends_a_second_after_its_grace_whatever_an_endpoint_does(
    stubborn: Stubborn, grace: float, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        carrier = Carrier(stubborn, grace=grace)
        await carrier.hold.delay()
        async with serving(carrier.app):
            await carrier.done.reach(1)
            since = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - since <= grace + 1.001
        (left,) = carrier.left()
        assert f"the app goes on with {left} though it was cancelled" in caplog.text
        caplog.clear()
        carrier.let_go.set()
        await carrier.done.until(lambda: "ended" in carrier.done)
        await asyncio.sleep(1)
        assert (carrier.left(), caplog.text) == ([left], "")

    run_still(run())


def test_what_ends_within_a_moment_of_its_cancellation_is_not_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        carrier = Carrier(cleans_up_for_a_moment)
        await carrier.hold.delay()
        async with serving(carrier.app):
            await carrier.done.reach(1)
        assert len(carrier.left()) == 1

    run_still(run())
    assert "1 attempts took too long and are left to the next start" in caplog.text
    assert "though it was cancelled" not in caplog.text


@STUBBORN
async def test_another_start_delivers_what_was_left_behind_while_that_goes_on(
    stubborn: Stubborn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The lead is given up and the file is closed; what the first attempt answers in the end changes nothing."""
    database = f"sqlite:///{tmp_path}/tasks.db"
    first, second = (Carrier(stubborn, database) for _ in range(2))
    await first.hold.delay()
    async with serving(first.app):
        await first.done.reach(1)
    async with serving(second.app):
        await second.done.reach(1)
        caplog.clear()
        first.let_go.set()
        await first.done.until(lambda: "ended" in first.done)
        assert len(second.left()) == 1
        second.let_go.set()
        await second.done.until(lambda: second.left() == [])
    assert caplog.text == ""


async def test_a_thread_that_nobody_can_stop_does_not_hold_a_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = f"sqlite:///{tmp_path}/tasks.db"
    first, second = (Carrier(ignores_everything, database) for _ in range(2))
    await first.hold_a_thread.delay()
    async with serving(first.app):
        await first.done.reach(1)
    assert "1 attempts took too long and are left to the next start" in caplog.text
    second.let_thread_go.set()
    async with serving(second.app):
        await second.done.until(lambda: second.left() == [])
    first.let_thread_go.set()
    await first.done.until(lambda: "ended" in first.done)


async def test_the_same_service_starts_again_beside_what_it_left_behind() -> None:
    carrier = Carrier(ignores_everything)
    await carrier.hold.delay()
    for starts in (1, 2):
        async with serving(carrier.app):
            await carrier.done.reach(starts)
    carrier.let_go.set()
    await carrier.done.reach(4)
    assert len(carrier.left()) == 1
    async with serving(carrier.app):
        await carrier.done.until(lambda: carrier.left() == [])


async def test_a_stop_that_is_interrupted_twice_lets_go_of_everything(tmp_path: Path) -> None:
    """Ctrl-C, and Ctrl-C again while what was cancelled has its moment."""
    database = f"sqlite:///{tmp_path}/tasks.db"
    first, second = Carrier(ignores_everything, database, grace=60), Carrier(ignores_everything, database)
    await first.hold.delay()
    with pytest.raises(asyncio.CancelledError):
        async with serving(first.app) as lifespan:
            await first.done.reach(1)
            asyncio.get_running_loop().call_later(0.05, lifespan.cancel)
            asyncio.get_running_loop().call_later(0.1, lifespan.cancel)
    second.let_go.set()
    async with serving(second.app):
        await second.done.until(lambda: second.left() == [])
    first.let_go.set()
    await first.done.until(lambda: "ended" in first.done)


@pytest.mark.parametrize(
    ("runner", "endpoint", "grace", "number"),
    [
        pytest.param("uvicorn", "ignores", 0.05, signal.SIGTERM, id="uvicorn, SIGTERM"),
        pytest.param("uvicorn", "ignores", 0.05, signal.SIGINT, id="uvicorn, Ctrl-C"),
        pytest.param("run", "ignores", 0.05, signal.SIGINT, id="asyncio.run, Ctrl-C"),
        # After the second it is asyncio.run that waits, for a task that it knew of before the stop let go of it.
        pytest.param("run", "ignores", 600, signal.SIGINT, id="asyncio.run, Ctrl-C thrice", marks=pytest.mark.slow),
        # Python itself waits for threads, until it is interrupted once more.
        pytest.param("uvicorn", "thread", 0.05, signal.SIGINT, id="thread, uvicorn, Ctrl-C twice"),
        pytest.param("run", "thread", 0.05, signal.SIGINT, id="thread, asyncio.run, Ctrl-C twice"),
    ],
)
def test_the_process_can_end(tmp_path: Path, runner: str, endpoint: str, grace: float, number: int) -> None:
    command = [sys.executable, str(PROGRAM), runner, endpoint, f"sqlite:///{tmp_path}/tasks.db", str(grace), "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            asked = 0
            while process.poll() is None and asked < 10:
                process.send_signal(number)
                asked += 1
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(2)
            _, errors = process.communicate(timeout=1)
        finally:
            process.kill()
    assert b"1 attempts took too long and are left to the next start" in errors
    assert (b"though it was cancelled" in errors) == (endpoint == "ignores")
