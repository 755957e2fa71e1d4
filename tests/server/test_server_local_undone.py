"""What was undone along with a refused call is not taken for there by the calls after it."""

import sqlite3
from pathlib import Path

import pytest
from google.api_core import exceptions

from server.server_apps import QUEUE, URL, Carrier, serving


@pytest.fixture(params=["file", "memory"])
def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> Carrier:
    return Carrier(f"sqlite:///{tmp_path}/tasks.db" if request.param == "file" else "memory:")


def enqueue(carrier: Carrier, text: str, size: int = 0) -> None:
    """Create a task with a body of so many bytes by Google's client, without asking for its queue first."""
    task = {"http_request": {"url": f"{URL}/note?text={text}", "body": bytes(size)}}
    carrier.local.tasks_client().create_task({"parent": QUEUE, "task": task})


async def test_a_task_is_delivered_though_one_was_refused_that_would_have_made_the_queue(carrier: Carrier) -> None:
    async with serving(carrier.app):
        with pytest.raises(exceptions.InvalidArgument, match="Task size too large"):
            enqueue(carrier, "too-large", 1_050_000)
        enqueue(carrier, "after-it")
        await carrier.done.reach(1)
    assert carrier.done == ["after-it"]


async def test_a_task_is_delivered_though_the_disk_was_full_for_the_one_that_made_the_queue(tmp_path: Path) -> None:
    carrier = Carrier(f"sqlite:///{tmp_path}/tasks.db")

    def leave_pages(more: int) -> None:
        """Have no room on the disk but so many pages more."""

        def limit(connection: sqlite3.Connection) -> None:
            used = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {used + more}")

        carrier.local._backend._store._writer.exclusively(limit)

    async with serving(carrier.app):
        leave_pages(0)
        with pytest.raises(exceptions.ResourceExhausted, match="the disk of the database is full"):
            enqueue(carrier, "no-room", 900_000)
        leave_pages(1000)
        enqueue(carrier, "after-it")
        await carrier.done.reach(1)
    assert carrier.done == ["after-it"]
