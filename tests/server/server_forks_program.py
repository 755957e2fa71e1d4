"""A service whose process forks while all its threads are busy: `python -m … DATABASE SEED FORKS first|last`.

Each child creates tasks, before and after the service of its parent has stopped (`first`), or while it runs (`last`).
It ends with 0 if every task that was accepted, in whichever process, is in the database.
"""

import asyncio
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from google.cloud.tasks_v2 import CloudTasksClient, HttpRequest, Task

from server.server_apps import QUEUE, URL, Carrier, serving

PARENT = "projects/p/locations/l"
TASK = Task(http_request=HttpRequest(url=f"{URL}/note?text=a"))


class Accepted:
    """The names of the tasks that this process was told of, in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"accepted-{os.getpid()}"

    def create(self, client: CloudTasksClient) -> None:
        self.keep(client.create_task(parent=QUEUE, task=TASK))

    def keep(self, task: Task) -> None:
        with self._file.open("a") as file:
            file.write(f"{task.name}\n")


def all_accepted(folder: Path) -> set[str]:
    return {name for file in folder.glob("accepted-*") for name in file.read_text().split()}


def busily(work: Callable[[], object], stop: threading.Event) -> threading.Thread:
    """Do this again and again in a thread."""

    def run() -> None:
        while not stop.is_set():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def child(client: CloudTasksClient, folder: Path, go_on: int) -> None:
    """Create a task, and two more when the pipe is closed; one child in three has a child as well."""
    signal.alarm(250)  # for one that waits for a thread which it does not have
    accepted = Accepted(folder)
    try:
        accepted.create(client)
        children = [os.fork()] if os.getpid() % 3 == 0 else []
        if children == [0]:
            Accepted(folder).create(client)
            os._exit(0)
        os.read(go_on, 1)
        accepted.create(client)
        accepted.create(client)
        list(client.list_tasks(parent=QUEUE))
        wait_for(children)  # whoever looks for what was accepted comes when all have ended
    except BaseException as error:
        print(f"a child could not go on: {error!r}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


async def main(database: str, seed: int, forks: int, parent_stops: str) -> None:
    random_ = random.Random(seed)
    folder = Path(database).parent
    carrier = Carrier(f"sqlite:///{database}")
    client, async_client = carrier.local.tasks_client(), carrier.local.async_tasks_client()
    client.create_queue({"parent": PARENT, "queue": {"name": QUEUE}})
    client.pause_queue(name=QUEUE)
    accepted, stop, children = Accepted(folder), threading.Event(), list[int]()
    read, write = os.pipe()

    async def on_the_loop() -> None:
        while not stop.is_set():
            for task in await asyncio.gather(*(async_client.create_task(parent=QUEUE, task=TASK) for _ in range(5))):
                accepted.keep(task)

    async with serving(carrier.app):
        threads = [busily(lambda: accepted.create(client), stop) for _ in range(2)]
        threads.append(busily(lambda: client.list_tasks({"parent": QUEUE, "page_size": 10}), stop))
        looping = asyncio.create_task(on_the_loop())
        for _ in range(forks):
            await asyncio.sleep(random_.random() / 20)  # when the fork comes is left to chance
            pid = os.fork()
            if pid == 0:
                os.close(write)
                child(client, folder, read)
            children.append(pid)
        stop.set()
        await looping
        for thread in threads:
            await asyncio.to_thread(thread.join)
        if parent_stops == "last":
            os.close(write)
            await asyncio.to_thread(wait_for, children)
    if parent_stops == "first":
        os.close(write)
        wait_for(children)
    names = all_accepted(folder)
    lost = names - {task.name for task in carrier.local.tasks_client().list_tasks(parent=QUEUE)}
    assert not lost, f"{len(lost)} of {len(names)} tasks are lost"
    print(f"{len(names)} accepted, {forks} forks")


def wait_for(children: list[int]) -> None:
    codes = [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in children]
    assert set(codes) <= {0}, codes


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
