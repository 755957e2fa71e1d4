"""Attempts that end just when a service stops: how they ended is written, and nothing is done again for it."""

import asyncio
import math
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from google.cloud.tasks_v2 import Task
from google.protobuf.duration_pb2 import Duration

from fastapi_gcp_tasks import LocalService, as_async_delayed_task
from fastapi_gcp_tasks.hooks import deadline_delayed_hook
from server.server_apps import QUEUE, URL, Done, async_task_router
from still_loop import run_still

LIMIT = 15.0
"""Seconds: the shortest deadline that Google accepts, and here the grace of the stop as well."""

# All three end in one turn of the loop, after its timers or before them.
AT_ONE_MOMENT = pytest.mark.parametrize("grace", [math.nextafter(LIMIT, 0), LIMIT, math.nextafter(LIMIT, 60)])


class Slow:
    """An app with one task that takes a while, on a queue that tries nothing again within the hour."""

    def __init__(self, *, grace: float, takes: float, deadline: float, cleans_up: float = 0) -> None:
        self.local = LocalService("memory:", app_url=URL, grace=grace)
        self.client = self.local.tasks_client()
        hour = timedelta(hours=1)
        queue = {"name": QUEUE, "retry_config": {"min_backoff": hour, "max_backoff": hour}}
        self.client.create_queue({"parent": QUEUE.partition("/queues/")[0], "queue": queue})
        self.app, self.done, self.started = FastAPI(), Done(), asyncio.Event()
        tasks = async_task_router(self.local)

        @as_async_delayed_task
        @tasks.post("/slow")
        async def slow() -> None:
            self.started.set()
            try:
                await asyncio.sleep(takes)
            except asyncio.CancelledError:
                await asyncio.sleep(cleans_up)
                raise
            self.done.append("whole")

        self.app.include_router(tasks)
        self.task = slow.options(pre_create_hook=deadline_delayed_hook(Duration(seconds=int(deadline))))

    async def begin_and_stop(self) -> None:
        """Enqueue, and stop as soon as the attempt has begun."""
        await self.task.delay()
        async with self.local.running(self.app):
            await self.started.wait()

    def tasks(self) -> list[Task]:
        return list(self.client.list_tasks(parent=QUEUE))


@AT_ONE_MOMENT
@pytest.mark.parametrize("cleans_up", [0, 1000])
def test_an_attempt_whose_deadline_passes_at_the_end_of_the_grace_has_failed(
    grace: float, cleans_up: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Its app may be cleaning up still; the attempt is over, and not left to the next start."""

    async def run() -> None:
        slow = Slow(grace=grace, takes=1000, deadline=LIMIT, cleans_up=cleans_up)
        await slow.begin_and_stop()
        (task,) = slow.tasks()
        assert task.last_attempt.response_status.message == "DEADLINE_EXCEEDED(4): HTTP status code 504"
        assert slow.done == []

    run_still(run())
    assert "attempt 1 failed: no answer within 15 s; next attempt" in caplog.text
    assert "left to the next start" not in caplog.text


@AT_ONE_MOMENT
def test_a_task_that_ends_at_the_end_of_the_grace_is_not_done_again(grace: float) -> None:
    async def run() -> None:
        slow = Slow(grace=grace, takes=LIMIT, deadline=600)
        await slow.begin_and_stop()
        assert slow.done == ["whole"]
        assert slow.tasks() == []

    run_still(run())


@AT_ONE_MOMENT
def test_a_task_that_ends_at_its_deadline_while_the_grace_ends_is_done_or_has_failed(grace: float) -> None:
    async def run() -> None:
        slow = Slow(grace=grace, takes=LIMIT, deadline=LIMIT)
        await slow.begin_and_stop()
        failed = [task.last_attempt.response_status.code for task in slow.tasks()]
        assert (slow.done, failed) in [(["whole"], []), ([], [4])]

    run_still(run())


def test_an_attempt_that_was_never_sent_does_not_count(tmp_path: Path) -> None:
    """It waited for a connection to a worker when the service stopped."""
    program = ["-m", "server.server_few_files_program", f"sqlite:///{tmp_path}/tasks.db"]
    folder = Path(__file__).parent.parent
    ended = subprocess.run(
        [sys.executable, "-W", "error", *program], cwd=folder, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 0, ended.stderr
