"""Enqueues and delivers on a disk of its own that fills up: `python -m … FOLDER`, in a mount namespace.

It fails where a task that was accepted is lost, one that was refused runs, or one runs twice.
"""

import asyncio
import errno
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from fastapi import Body
from google.api_core import exceptions

from fastapi_gcp_tasks import as_async_delayed_task, as_delayed_task
from server.server_apps import QUEUE, Carrier, async_task_router, serving, task_router

SIZE = 64 * 2**20
"""Bytes: so many that the log is copied while the disk fills up."""
PATIENCE = 5.0
"""Seconds within which a call is answered, whatever the disk is like."""


class Log(logging.Handler):
    """What the service logs, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def times(self, text: str) -> list[float]:
        """When lines with that text were written."""
        return [record.created for record in self.records if text in record.getMessage()]


def fill(path: Path) -> None:
    """Leave no room on the disk."""
    with path.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def enqueue_until_refused(enqueue: Callable[[str], object], accepted: list[str]) -> None:
    """Until not even the smallest task is accepted."""
    refusals: list[str] = []
    for padding in (20_000, 2000, 0):
        while True:
            text = f"{len(accepted)} {'x' * padding}"
            asked = time.monotonic()
            try:
                enqueue(text)
            except exceptions.ResourceExhausted as error:
                refusals.append(str(error))
                break
            finally:
                assert time.monotonic() - asked < PATIENCE
            accepted.append(text)
    assert all("the disk of the database is full" in refusal for refusal in refusals), refusals


async def main(folder: str) -> None:
    log, filler = Log(), Path(folder) / "filler"
    logging.getLogger("gcptasks").addHandler(log)
    carrier = Carrier(f"sqlite:///{folder}/tasks.db")
    begun, may_end = asyncio.Event(), asyncio.Event()
    tasks, async_tasks = task_router(carrier.local, "/long"), async_task_router(carrier.local, "/held")

    @as_delayed_task
    @tasks.post("/")
    async def long(text: Annotated[str, Body(embed=True)]) -> None:
        carrier.done.append(text)

    def enqueue(text: str) -> None:
        long.delay(text=text)

    @as_async_delayed_task
    @async_tasks.post("/")
    async def held() -> None:
        begun.set()
        await may_end.wait()
        carrier.done.append("held")

    carrier.app.include_router(tasks)
    carrier.app.include_router(async_tasks)
    client = carrier.local.tasks_client()
    accepted: list[str] = []
    filler.write_bytes(bytes(SIZE // 2))  # half of the disk, what is set free later
    enqueue_until_refused(enqueue, accepted)  # nobody delivers yet
    fill(filler)
    try:
        async with asyncio.timeout(PATIENCE):
            await carrier.async_note.delay(text="refused")
        raise AssertionError("it was accepted")
    except exceptions.ResourceExhausted:
        pass
    async with serving(carrier.app):
        # Not one attempt can be counted, so none is begun. What is tried again waits in between.
        trouble = "the dispatcher cannot use the database; it tries again"
        await carrier.done.until(lambda: len(log.times(trouble)) > 1)
        first, second, *_ = log.times(trouble)
        assert second - first > 0.5
        assert carrier.done == []
        filler.unlink()
        await carrier.done.until(lambda: not list(client.list_tasks(parent=QUEUE)))
        # And an attempt that is under way when the disk fills up.
        await held.delay()
        await begun.wait()
        client.pause_queue(name=QUEUE)  # so that what fills the log stays
        filler.write_bytes(bytes(SIZE // 4))
        fill(filler)
        more: list[str] = []
        enqueue_until_refused(enqueue, more)
        may_end.set()
        await carrier.done.until(lambda: "held" in carrier.done)
        filler.unlink()
        client.resume_queue(name=QUEUE)
        await carrier.done.until(lambda: not list(client.list_tasks(parent=QUEUE)))
    assert sorted(carrier.done) == sorted([*accepted, "held", *more])


if __name__ == "__main__":
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", sys.argv[1]], check=True)
    asyncio.run(main(sys.argv[1]))
