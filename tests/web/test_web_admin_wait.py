"""Waiting over HTTP until all is done (CT-L10)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from web.admin_world import Admin, administered
from web.web_clients import LOCATION, QUEUE, Rest

OTHER = f"{LOCATION}/queues/other"
JOB = f"{LOCATION}/jobs/j"
NOTHING: dict[str, list[Any]] = {"queues": [], "jobs": []}


@pytest.fixture(params=["memory", "file"])
async def admin(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Admin]:
    database = ":memory:" if request.param == "memory" else str(tmp_path / "tasks.db")
    async with administered(database=database) as client:
        yield client


@pytest.mark.parametrize("until", ["empty", "idle"])
async def test_where_there_is_nothing_nobody_waits(admin: Admin, until: str) -> None:
    answer = await admin.ask("GET", f"/admin/wait?until={until}")
    assert (answer.status, answer.json) == (200, {"reached": True, **NOTHING})


@pytest.mark.parametrize("until", ["empty", "idle"])
@pytest.mark.parametrize("of", ["", f"&queue={QUEUE}"])
async def test_it_is_told_when_the_last_task_is_done(admin: Admin, until: str, of: str) -> None:
    """CT-L10."""
    await admin.running_queue()
    for number in range(3):
        await admin.task(f"t{number}")
    await admin.worker.received(3)
    waiting = asyncio.ensure_future(admin.ask("GET", f"/admin/wait?until={until}&timeout=60{of}"))
    assert (await admin.ask("GET", f"/admin/wait?until={until}&timeout=0{of}")).status == 504
    assert not waiting.done()
    admin.worker.gate.set()
    answer = await waiting
    assert (answer.status, answer.json) == (200, {"reached": True, **NOTHING})
    assert (await admin.ask("GET", f"/v2/{QUEUE}/tasks")).json == {}


async def test_when_the_time_is_over_it_says_what_is_left(admin: Admin) -> None:
    await admin.running_queue()
    await admin.task("now")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await admin.task("later", scheduleTime=tomorrow.isoformat())
    await admin.worker.received(1)
    answer = await admin.ask("GET", "/admin/wait?timeout=0.01")
    assert (answer.status, answer.json["error"]["status"]) == (504, "DEADLINE_EXCEEDED")
    assert answer.message == f"It is not empty after 0.01 s: {QUEUE} has 2 tasks, 1 of them due, 1 under way."
    assert answer.json["reached"] is False
    (queue,) = answer.json["queues"]
    assert datetime.fromisoformat(queue.pop("nextTime")) <= datetime.now(UTC)
    assert queue == {"name": QUEUE, "state": "RUNNING", "tasks": 2, "due": 1, "underWay": 1}
    assert (await admin.ask("GET", "/admin/status")).json["queues"][0]["tasks"] == 2


async def test_what_waits_for_its_time_or_is_paused_is_idle_and_not_empty(admin: Admin) -> None:
    await admin.running_queue()
    await admin.task("later", scheduleTime=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    await admin.running_queue(OTHER)
    await admin.ask("POST", f"/v2/{OTHER}:pause")
    await admin.task("paused", OTHER)
    idle = await admin.ask("GET", "/admin/wait?until=idle")
    assert (idle.status, [queue["name"] for queue in idle.json["queues"]]) == (200, [OTHER, QUEUE])
    empty = await admin.ask("GET", "/admin/wait?until=empty&timeout=0")
    assert empty.message == (
        f"It is not empty after 0 s: {OTHER} has 1 task, 1 of them due, 0 under way, and is paused; "
        f"{QUEUE} has 1 task, 0 of them due, 0 under way."
    )


async def test_of_a_queue_other_queues_do_not_count(admin: Admin) -> None:
    for name in (QUEUE, OTHER):
        await admin.running_queue(name)
    await admin.task("t", OTHER)
    await admin.worker.received(1)
    assert (await admin.ask("GET", f"/admin/wait?queue={QUEUE}")).json == {"reached": True, **NOTHING}
    assert (await admin.ask("GET", f"/admin/wait?queue={OTHER}&timeout=0")).status == 504


async def test_a_queue_that_is_deleted_is_empty_once_nothing_of_it_is_under_way(admin: Admin) -> None:
    await admin.running_queue()
    await admin.task("t")
    await admin.worker.received(1)
    waiting = asyncio.ensure_future(admin.ask("GET", f"/admin/wait?queue={QUEUE}&timeout=60"))
    await admin.somebody_waits()
    await admin.ask("DELETE", f"/v2/{QUEUE}")
    left = await admin.ask("GET", "/admin/wait?timeout=0")
    assert (left.status, left.json["queues"]) == (504, [{"name": QUEUE, "underWay": 1}])
    admin.worker.gate.set()
    assert (await waiting).json == {"reached": True, **NOTHING}


@pytest.mark.parametrize("until", ["empty", "idle"])
async def test_a_run_of_a_job_counts_until_it_is_over(admin: Admin, until: str) -> None:
    job = {"name": JOB, "schedule": "0 0 1 1 *", "httpTarget": {"uri": f"{admin.worker.url}/job"}}
    assert (await admin.ask("POST", f"/v1/{LOCATION}/jobs", job)).status == 200
    assert (await admin.ask("GET", f"/admin/wait?until={until}")).status == 200
    await admin.ask("POST", f"/v1/{JOB}:run")
    await admin.worker.received(1)
    left = await admin.ask("GET", f"/admin/wait?until={until}&timeout=0")
    assert left.message == f"It is not {until} after 0 s: {JOB} has 1 execution, 1 of them due, 1 under way."
    assert left.json["jobs"] == [{"name": JOB, "executions": 1, "due": 1, "underWay": 1}]
    admin.worker.gate.set()
    assert (await admin.ask("GET", f"/admin/wait?until={until}&timeout=60")).status == 200


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        (f"queue={QUEUE}", 404, "Queue does not exist. If you just created the queue, wait"),
        ("queue=orders", 400, "Queue name must be formatted: "),
        ("until=full", 400, "until must be empty or idle, not 'full'."),
        ("timeout=soon", 400, "timeout must be a number of seconds from 0 to 600, not 'soon'."),
        ("timeout=nan", 400, "timeout must be a number of seconds from 0 to 600, not 'nan'."),
        ("timeout=601", 400, "timeout must be a number of seconds from 0 to 600, not '601'."),
        ("timeout=-1", 400, "timeout must be a number of seconds from 0 to 600, not '-1'."),
        ("name=q", 400, "There is no parameter 'name' here; there are queue, until, timeout."),
    ],
)
async def test_what_cannot_be_waited_for_is_refused(admin: Admin, query: str, status: int, message: str) -> None:
    answer = await admin.ask("GET", f"/admin/wait?{query}")
    assert answer.status == status
    assert message in answer.message


async def test_what_another_process_does_to_the_file_is_seen(tmp_path: Path) -> None:
    """As another process would: a service of its own on the same file, which does not deliver."""
    database = str(tmp_path / "tasks.db")
    async with administered(database=database) as admin:
        await admin.queue()  # paused, so that nothing but the other can empty it
        await admin.task("t")
        async with (
            emulating(PortSettings(port=0, host="127.0.0.1", database=database)) as emulator,
            Rest(emulator) as other,
        ):
            waiting = asyncio.ensure_future(admin.ask("GET", "/admin/wait?timeout=60"))
            assert (await admin.ask("GET", "/admin/wait?timeout=0")).status == 504
            await other.ask("POST", f"/v2/{QUEUE}:purge")
            assert (await waiting).status == 200


async def test_a_stop_ends_all_waits() -> None:
    async with administered() as admin:
        await admin.queue()
        await admin.task("t")
        waiting = asyncio.ensure_future(admin.ask("GET", "/admin/wait?timeout=600"))
        await admin.somebody_waits()
        await admin.emulator.stop_delivering()
        answer = await waiting
        assert (answer.status, answer.message) == (503, "The service is stopping, and delivers no more.")
        assert (await admin.ask("GET", "/admin/wait")).status == 503


async def test_a_wait_ends_when_its_client_leaves() -> None:
    async with administered() as admin:
        await admin.queue()
        await admin.task("t")
        before = asyncio.all_tasks()
        async with asyncio.timeout(30):
            _, writer = await asyncio.open_connection("127.0.0.1", admin.emulator.port)
            writer.write(b"GET /admin/wait?timeout=600 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while not (serving := asyncio.all_tasks() - before):
                await asyncio.sleep(0.01)
            await admin.somebody_waits()
            writer.close()
            await asyncio.wait(serving)
