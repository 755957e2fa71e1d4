"""Reading and moving the clock over HTTP (CT-L10)."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from gcptasks.server.settings import PortSettings
from web.admin_world import Admin, administered
from web.web_clients import LOCATION, QUEUE

START = datetime(2030, 1, 1, tzinfo=UTC)
JOB = f"{LOCATION}/jobs/j"


async def idle(admin: Admin) -> None:
    assert (await admin.ask("GET", "/admin/wait?until=idle&timeout=60")).status == 200


async def test_what_becomes_due_is_delivered() -> None:
    """CT-L10."""
    async with administered(manual_clock=START) as admin:
        admin.worker.gate.set()
        await admin.running_queue()
        await admin.task("later", scheduleTime="2030-01-01T01:00:00Z")
        assert (await admin.admin("POST", "clock", {"advance": "3599.5s"})).json == {
            "time": "2030-01-01T00:59:59.500000Z",
            "manual": True,
        }
        await idle(admin)
        assert admin.worker.paths == []
        assert (await admin.admin("POST", "clock", {"time": "2030-01-01T02:00:00+01:00"})).status == 200
        await idle(admin)
        assert admin.worker.paths == ["/later"]
        assert (await admin.admin("GET", "clock")).json == {"time": "2030-01-01T01:00:00Z", "manual": True}


async def test_jobs_go_by_it_too() -> None:
    async with administered(manual_clock=START.astimezone(timezone(timedelta(hours=5)))) as admin:
        admin.worker.gate.set()
        job = {
            "name": JOB,
            "schedule": "0 3 * * *",
            "timeZone": "UTC",
            "httpTarget": {"uri": f"{admin.worker.url}/job"},
        }
        created = await admin.ask("POST", f"/v1/{LOCATION}/jobs", job)
        assert created.json["scheduleTime"] == "2030-01-01T03:00:00Z"
        for day in range(1, 4):
            assert (await admin.admin("POST", "clock", {"time": f"2030-01-0{day}T03:00:00Z"})).status == 200
            await idle(admin)
            assert admin.worker.paths == ["/job"] * day


async def test_retries_come_when_their_time_has_come() -> None:
    async with administered(manual_clock=START) as admin:
        retry = {"minBackoff": "60s", "maxBackoff": "60s"}
        await admin.ask("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE, "retryConfig": retry})
        body = {"task": {"httpRequest": {"url": "http://127.0.0.1:9/"}}}
        task = (await admin.ask("POST", f"/v2/{QUEUE}/tasks", body)).json["name"]
        for attempts in range(1, 4):
            await idle(admin)
            assert (await admin.ask("GET", f"/v2/{task}")).json["dispatchCount"] == attempts
            await admin.admin("POST", "clock", {"advance": "60s"})


async def test_rates_go_by_it_so_while_it_stands_a_queue_starts_its_burst_alone() -> None:
    async with administered(manual_clock=START) as admin:
        admin.worker.gate.set()
        await admin.running_queue()
        one = {"parent": QUEUE, "task": {"httpRequest": {"url": f"{admin.worker.url}/t"}}}
        for _ in range(5):
            assert (await admin.ask("POST", f"/v2/{QUEUE}/tasks:batchCreate", {"requests": [one] * 21})).status == 200
        await admin.worker.received(100)
        left = await admin.ask("GET", "/admin/wait?until=idle&timeout=0.05")
        assert (left.status, len(admin.worker.paths)) == (504, 100)
        await admin.admin("POST", "clock", {"advance": "1s"})
        await idle(admin)
        assert len(admin.worker.paths) == 105


async def test_what_looks_again_and_again_goes_on_while_it_stands(tmp_path: Path) -> None:
    """Who delivers sees what another process writes, and who waits to deliver sees that the one who does has ended."""
    settings: dict[str, Any] = {"database": str(tmp_path / "tasks.db"), "manual_clock": START}
    async with AsyncExitStack() as of_first:
        first = await of_first.enter_async_context(administered(**settings))
        async with administered(**settings) as second:
            second.worker.gate.set()
            assert (first.emulator.delivers, second.emulator.delivers) == (True, False)
            await second.running_queue()
            await second.task("by-first")
            assert (await second.ask("GET", "/admin/wait?timeout=60")).status == 200
            await of_first.aclose()
            await second.task("by-second")
            assert (await second.ask("GET", "/admin/wait?timeout=60")).status == 200
            assert (second.worker.paths, second.emulator.delivers) == (["/by-first", "/by-second"], True)


async def test_the_service_does_all_it_does_at_the_clocks_end(caplog: pytest.LogCaptureFixture) -> None:
    async with administered(manual_clock=START) as admin:
        admin.worker.gate.set()
        await admin.running_queue()
        assert (await admin.admin("POST", "clock", {"time": "8999-12-31T23:59:59.999999Z"})).status == 200
        await admin.task("last")
        await idle(admin)
        assert admin.worker.paths == ["/last"]
        assert (await admin.ask("POST", f"/v2/{QUEUE}:purge", {})).status == 200
        assert (await admin.ask("DELETE", f"/v2/{QUEUE}")).status == 200
        assert (await admin.admin("POST", "reset")).status == 200
        await admin.running_queue()
        await admin.task("after")
        await idle(admin)
        assert admin.worker.paths == ["/last", "/after"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    "text", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00+05:00", "9000-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00"]
)
def test_a_clock_that_is_too_early_or_too_late_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="from the year 1970 to the year 8999"):
        PortSettings(manual_clock=datetime.fromisoformat(text))


async def test_the_clock_of_the_machine_is_not_moved() -> None:
    async with administered() as admin:
        shown = (await admin.admin("GET", "clock")).json
        assert shown["manual"] is False
        assert abs(datetime.fromisoformat(shown["time"]) - datetime.now(UTC)) < timedelta(minutes=1)
        answer = await admin.admin("POST", "clock", {"advance": "1s"})
        assert (answer.status, answer.message) == (
            400,
            "The clock is that of the machine. Start the service with --manual-clock to move it.",
        )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "The body must be {"),
        ({}, "The body must be {"),
        ([], "The body must be an object of JSON."),
        ({"advance": 90}, "The body must be {"),
        ({"advance": "90"}, "The body must be {"),
        ({"advance": "-1s"}, "The body must be {"),
        ({"advance": "1e3s"}, "The body must be {"),
        ({"advance": "1s", "time": "2031-01-01T00:00:00Z"}, "The body must be {"),
        ({"time": "tomorrow"}, "'tomorrow' is no time such as 2030-01-01T00:00:00Z."),
        ({"time": "2031-01-01T00:00:00"}, "'2031-01-01T00:00:00' is no time such as 2030-01-01T00:00:00Z."),
        ({"time": "0001-01-01T00:00:00+23:00"}, "is no time such as"),
        ({"time": "2029-12-31T23:59:59Z"}, "The clock does not go back: it is 2030-01-01T00:00:00Z."),
        ({"advance": "999999999999s"}, "The clock ends with the year 8999."),
        ({"time": "9000-01-01T00:00:00Z"}, "The clock ends with the year 8999."),
        ("{", "The body is no JSON: "),
        (b'"\xff"', "The body is no JSON: "),
        pytest.param("[" * 50_000, "The body is no JSON: ", id="deep"),
        pytest.param(" " * 70_000, "The body is larger than 65536 bytes.", id="large"),
        ('{"time": "\\ud800"}', r"'\ud800' is no time such as"),
    ],
)
async def test_what_is_no_move_is_refused_and_moves_nothing(body: Any, message: str) -> None:
    async with administered(manual_clock=START) as admin:
        answer = await admin.admin("POST", "clock", body)
        assert answer.status == 400
        assert message in answer.message
        assert (await admin.admin("GET", "clock")).json["time"] == "2030-01-01T00:00:00Z"
