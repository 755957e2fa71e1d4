"""Commits on the event loop, in a thread, or as the writer chooses: `commits loop|thread|chosen MILLISECONDS`.

Every sync takes that many milliseconds longer, asleep and without the interpreter's lock, as on a slow disk.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.contestants import holds
from bench.contestants.frozen import freeze
from bench.contestants.load import IN_FLIGHT, TASKS, run, spread
from bench.contestants.noops import PARENT, QUEUES
from gcptasks.service.policy import Policy
from gcptasks.service.served import method as served
from gcptasks.store import log_file
from gcptasks.store.checkpoints import Checkpoints
from gcptasks.store.commit_place import CommitPlace
from gcptasks.store.connection import open_writer
from gcptasks.store.database import Database, prepare_file
from gcptasks.store.write_connection import WriteConnection
from gcptasks.store.writer import Writer
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.names import SERVICE


class OnTheLoop(CommitPlace):
    def choose_thread(self) -> bool:
        return False


class InAThread(CommitPlace):
    def choose_thread(self) -> bool:
        return True


PLACES = {"loop": OnTheLoop, "thread": InAThread, "chosen": CommitPlace}


def writer(how: str, path: Path, delay: float) -> Writer:
    """A writer on a new file, whose syncs take `delay` seconds longer."""
    plain = log_file.sync_file

    def sync(file: int) -> None:
        time.sleep(delay)
        plain(file)

    if delay:
        log_file.sync_file = sync

    def open_connection() -> WriteConnection:
        return WriteConnection(open_writer(prepare_file(Database(path))), "full", path)

    made = Writer(open_connection, lambda tx: None, ended=lambda error: checkpoints.written(error), place=PLACES[how]())
    checkpoints = Checkpoints(path, partial(made.exclusively, first=True))
    return made


async def call(writer: Writer, name: str, message: Any) -> Any:
    """The response to a call that writes, as `gcptasks.service.calls` makes it."""
    method = served(f"/{SERVICE}/{name}")
    answer = await writer.write(method.verb, method.decode(message), datetime.now(UTC), Policy())
    return method.encode(answer, message)


async def measure(writer: Writer) -> dict[str, float]:
    """Tasks accepted a second, many calls under way, and milliseconds that the loop was held meanwhile."""
    for queue in QUEUES:
        await call(writer, "CreateQueue", messages.CreateQueueRequest(parent=PARENT, queue=messages.Queue(name=queue)))
    request = messages.CreateTaskRequest(parent=QUEUES[0])
    request.task.http_request.url = "http://app.local/noop"
    request.task.http_request.body = b'{"number":1,"sent":1.5}'
    request.task.schedule_time.FromDatetime(datetime.now(UTC) + timedelta(days=1))

    async def create(_: int) -> None:
        await call(writer, "CreateTask", request)

    await spread(create, TASKS // 10, IN_FLIGHT)  # so that the writer has chosen
    freeze()
    seen: list[holds.Hold] = []
    watching = asyncio.create_task(holds.watch(seen))
    began = time.monotonic()
    await spread(create, TASKS, IN_FLIGHT)
    ended = time.monotonic()
    watching.cancel()
    return {"creates": TASKS / (ended - began), "hold": holds.figures(seen, (began, ended))["with waiting"]}


def main(how: str, milliseconds: str) -> None:
    with TemporaryDirectory() as folder:
        used = writer(how, Path(folder) / "tasks.db", float(milliseconds) / 1e3)
        run(measure(used))
        used.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
