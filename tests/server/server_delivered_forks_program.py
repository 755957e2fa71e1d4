"""A service that delivers while its process forks, wherever code of its user runs: `python -m … DATABASE SEED FORKS`.

Each child creates tasks at once, and two more when its parent's service has stopped, which is started again then.
It ends with 0 if each task that was accepted, in whichever process, was delivered, and none of them twice.
"""

import asyncio
import itertools
import logging
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.cloud.tasks_v2 import CreateTaskRequest

from fastapi_gcp_tasks import AsyncDelayedTask, DelayedTask, as_delayed_task
from server.server_apps import Carrier, serving, task_router
from server.server_forks_program import busily, wait_for

PLACES = ("loop", "thread", "hook", "endpoint", "log", "bulk")
"""Where it forks: on the event loop, in a thread, and within what is called for the user."""


class Forks:
    """Forks once in each place that it is told, and has the child create tasks."""

    def __init__(self, carrier: Carrier, folder: Path) -> None:
        self.carrier = carrier
        self.children: list[int] = []
        self._folder = folder
        self._go_on, self._write = os.pipe()
        self._next: list[str] = []
        self._numbers = itertools.count()

    async def at(self, place: str) -> None:
        """Return once it has forked there."""
        before = len(self.children)
        self._next.append(place)
        if place == "loop":
            self.here(place)
        while len(self.children) == before:
            await asyncio.sleep(0.001)

    def here(self, place: str) -> None:
        """Fork, if it is to be here."""
        if self._next != [place]:
            return
        self._next.clear()
        pid = os.fork()
        if pid == 0:
            self._be_child()
        self.children.append(pid)

    def let_children_go_on(self) -> None:
        os.close(self._write)

    def create(self, delay: Callable[..., object]) -> None:
        text = self._text()
        delay(text=text)
        self.accept(text)

    async def create_async(self, task: AsyncDelayedTask[..., Any]) -> None:
        text = self._text()
        await task.delay(text=text)
        self.accept(text)

    def create_many(self, task: DelayedTask[..., Any]) -> None:
        texts = [self._text() for _ in range(30)]
        task.delay_many([{"text": text} for text in texts], progress=lambda _: self.here("bulk"))
        self.accept(*texts)

    def accept(self, *texts: str) -> None:
        with (self._folder / f"accepted-{os.getpid()}").open("a") as file:
            file.write("".join(f"{text}\n" for text in texts))

    def accepted(self) -> list[str]:
        return [text for file in self._folder.glob("accepted-*") for text in file.read_text().split()]

    def _text(self) -> str:
        return f"{os.getpid()}-{next(self._numbers)}"

    def _be_child(self) -> None:
        signal.alarm(100)  # for one that waits for a thread which it does not have
        try:
            os.close(self._write)
            self.create(self.carrier.note.delay)
            asyncio.run(self.create_async(self.carrier.async_note))
            child = os.fork()
            if child == 0:
                self.create(self.carrier.note.delay)
                os._exit(0)
            self.create_many(self.carrier.note)
            os.read(self._go_on, 1)
            self.create(self.carrier.note.delay)
            asyncio.run(self.create_async(self.carrier.async_note))
            wait_for([child])  # whoever looks for what was accepted comes when all have ended
        except BaseException as error:
            print(f"a child could not go on: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)


class ForkingHandler(logging.Handler):
    def __init__(self, forks: Forks) -> None:
        super().__init__()
        self._forks = forks

    def emit(self, record: logging.LogRecord) -> None:
        self._forks.here("log")


async def main(database: str, seed: int, count: int) -> None:
    random_ = random.Random(seed)
    carrier = Carrier(f"sqlite:///{database}")
    forks, stop = Forks(carrier, Path(database).parent), threading.Event()
    logging.getLogger("gcptasks").addHandler(ForkingHandler(forks))
    logging.getLogger("gcptasks").setLevel(logging.INFO)

    def hook(request: CreateTaskRequest) -> CreateTaskRequest:
        forks.here("hook")
        return request

    more = task_router(carrier.local)

    @as_delayed_task
    @more.post("/fork-and-note")
    async def fork_and_note(text: str) -> None:
        forks.here("endpoint")
        carrier.done.append(text)

    carrier.app.include_router(more)

    def in_thread() -> None:
        forks.here("thread")
        forks.create(carrier.note.delay)
        forks.create(carrier.note.options(pre_create_hook=hook).delay)
        forks.create(fork_and_note.delay)
        forks.create_many(carrier.note)

    async def on_the_loop() -> None:
        while not stop.is_set():
            await asyncio.gather(*(forks.create_async(carrier.async_note) for _ in range(5)))

    async with serving(carrier.app):
        thread, looping = busily(in_thread, stop), asyncio.create_task(on_the_loop())
        for number in range(count):
            await asyncio.sleep(random_.random() / 20)  # when the fork comes is left to chance
            await forks.at(PLACES[number % len(PLACES)])
        stop.set()
        await looping
        await asyncio.to_thread(thread.join)
        await all_delivered(forks)
    forks.let_children_go_on()
    async with serving(carrier.app):
        await asyncio.to_thread(wait_for, forks.children)
        await all_delivered(forks)
    twice = [text for text, times in Counter(carrier.done).items() if times > 1]
    assert not twice, f"delivered more than once: {twice[:5]}"
    print(f"{len(carrier.done)} accepted and delivered, {count} forks")


async def all_delivered(forks: Forks) -> None:
    """Return once all that was accepted so far is delivered, by the service that runs."""
    accepted = set(forks.accepted())
    until = time.monotonic() + 20
    while missing := accepted.difference(forks.carrier.done):
        assert time.monotonic() < until, f"{len(missing)} of {len(accepted)} tasks were not delivered"
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
