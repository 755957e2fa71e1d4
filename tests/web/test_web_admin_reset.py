"""Dropping everything over HTTP: whole, or not at all (CT-L10)."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gcptasks.client.service_results import ServiceResults
from gcptasks.results.store import NewRecord
from web.admin_world import Admin, administered
from web.web_clients import LOCATION, QUEUE

GIVEN = f"{LOCATION}/queues/given"
JOB = f"{LOCATION}/jobs/j"
KEPT = {"meta", "signing_keys", "queues"}
"""Tables that are not empty after a reset; of the queues those that were given at the start."""
PASSING = {"forced"}
"""Tables in which nothing stays for long."""
KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"


async def listed(admin: Admin) -> list[str]:
    return [queue["name"] for queue in (await admin.ask("GET", f"/v2/{LOCATION}/queues")).json["queues"]]


async def fill(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have something in every table but those that keep nothing for long; two attempts are under way then."""
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", admin.emulator.address)
    worker = admin.worker.url
    await admin.running_queue()
    await admin.running_queue(f"{LOCATION}/queues/deleted")
    await admin.ask("DELETE", f"/v2/{LOCATION}/queues/deleted")
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await admin.task("later", name=f"{QUEUE}/tasks/later", scheduleTime=later)
    await admin.task("gone", name=f"{QUEUE}/tasks/gone", scheduleTime=later)
    await admin.ask("DELETE", f"/v2/{QUEUE}/tasks/gone")
    one = {"parent": QUEUE, "task": {"httpRequest": {"url": f"{worker}/batch"}, "scheduleTime": later}}
    await admin.ask("POST", f"/v2/{QUEUE}/tasks:batchCreate", {"requests": [one]})
    job: dict[str, Any] = {"name": JOB, "schedule": "0 0 1 1 *", "httpTarget": {"uri": f"{worker}/job", "body": "aGk="}}
    await admin.ask("POST", f"/v1/{LOCATION}/jobs", job)
    await admin.ask("POST", f"/v1/{JOB}:run")
    publishing = job | {"name": f"{JOB}2", "pubsubTarget": {"topicName": "projects/p/topics/t", "data": "aGk="}}
    del publishing["httpTarget"]
    await admin.ask("POST", f"/v1/{LOCATION}/jobs", publishing)
    await admin.ask("POST", f"/v1/{JOB}2:run")
    binding = {"role": "roles/cloudtasks.viewer", "members": ["user:a@example.com"]}
    await admin.ask("POST", f"/v2/{QUEUE}:setIamPolicy", {"policy": {"bindings": [binding]}})
    await admin.ask("PATCH", f"/v2/{LOCATION}/cmekConfig", {"kmsKey": KEY})
    await ServiceResults().awaiting().add(NewRecord(id="r", endpoint="e", task_name=f"{QUEUE}/tasks/t"))
    await admin.task("now")
    await admin.worker.received(2)


def tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        return {name for (name,) in names}


def rows(database: Path) -> dict[str, int]:
    """How many rows each table has."""
    with closing(sqlite3.connect(database)) as connection:
        counts = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables(database)}
    return {name: count for name, count in counts.items() if count}


async def test_nothing_is_left_but_the_queues_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CT-L10."""
    database = tmp_path / "tasks.db"
    async with administered(database=str(database), queues=(GIVEN,)) as admin:
        await fill(admin, monkeypatch)
        # A table that is new has something put into it by `fill`, so that this test knows that it is emptied.
        assert tables(database) - rows(database).keys() <= PASSING | {"signing_keys"}
        assert (await admin.ask("GET", "/published")).json != []
        await admin.ask("DELETE", f"/v2/{GIVEN}")
        answer = await admin.admin("POST", "reset")
        assert (answer.status, answer.json) == (200, {})
        assert await listed(admin) == [GIVEN]
        assert (await admin.ask("GET", f"/v1/{LOCATION}/jobs")).json == {}
        assert KEY not in (await admin.ask("GET", f"/v2/{LOCATION}/cmekConfig")).text
        assert "viewer" not in (await admin.ask("POST", f"/v2/{GIVEN}:getIamPolicy")).text
        assert (await admin.ask("GET", "/published")).json == []
        assert rows(database).keys() <= KEPT
        # Names that were blocked are free, and the service goes on.
        admin.worker.gate.set()
        await admin.running_queue()
        await admin.running_queue(f"{LOCATION}/queues/deleted")
        await admin.task("again", name=f"{QUEUE}/tasks/gone")
        assert (await admin.ask("GET", "/admin/wait?timeout=60")).status == 200
        assert admin.worker.paths.count("/again") == 1


async def test_what_is_under_way_is_cancelled_and_not_made_again() -> None:
    async with administered() as admin:
        await admin.running_queue()
        await admin.task("t")
        await admin.worker.received(1)
        await admin.admin("POST", "reset")
        await admin.worker.was_cut_off()
        assert (await admin.ask("GET", "/admin/status")).json["queues"] == []
        admin.worker.gate.set()
        await admin.running_queue()
        await admin.task("next")
        assert (await admin.ask("GET", "/admin/wait?timeout=60")).status == 200
        assert admin.worker.paths == ["/t", "/next"]


async def test_whoever_waits_for_a_record_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with administered() as admin:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", admin.emulator.address)
        store = ServiceResults().awaiting()
        await store.add(NewRecord(id="r", endpoint="e", task_name=f"{QUEUE}/tasks/t"))
        record = await store.get("r")
        assert record is not None
        waiting = asyncio.ensure_future(store.wait("r", record.version, 60))
        await admin.admin("POST", "reset")
        await asyncio.wait_for(waiting, 30)
        assert await store.get("r") is None


async def test_a_reset_that_fails_drops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "tasks.db"
    async with administered(database=str(database)) as admin:
        await fill(admin, monkeypatch)
        before = rows(database)
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("CREATE TRIGGER fail BEFORE DELETE ON task_records BEGIN SELECT RAISE(ABORT, 'no'); END")
            connection.execute("CREATE TRIGGER fail_too BEFORE DELETE ON jobs BEGIN SELECT RAISE(ABORT, 'no'); END")
        assert (await admin.admin("POST", "reset")).status == 500
        assert "/admin/reset failed" in caplog.text
        assert rows(database) == before
        # What is under way goes on.
        admin.worker.gate.set()
        assert (await admin.ask("GET", "/admin/wait?until=idle&timeout=60")).status == 200
        assert (sorted(admin.worker.paths), admin.worker.cut_off) == (["/job", "/now"], 0)


async def test_a_reset_has_no_choices(tmp_path: Path) -> None:
    async with administered() as admin:
        await admin.running_queue()
        for path, body in (("reset", '{"queues": []}'), ("reset?queue=q", None), ("reset", "[]")):
            assert (await admin.admin("POST", path, body)).status == 400
        assert await listed(admin) == [QUEUE]
