"""Work that blocks, in a thread of the service's own: the threads of asyncio's executor are the app's."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_own_thread(work: Callable[[], T], name: str) -> "asyncio.Future[T]":
    """What `work` returns or raises. The thread is a daemon: it keeps no process from ending.

    `RuntimeError` if there is no thread to be had.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            answer = work()
        except Exception as error:
            tell(_fail, outcome, error)
        else:
            tell(_succeed, outcome, answer)

    def tell(settle: Callable[..., None], *args: object) -> None:
        # A loop that was closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, *args)

    threading.Thread(target=run, name=name, daemon=True).start()
    return outcome


def _succeed(outcome: "asyncio.Future[T]", answer: T) -> None:
    if not outcome.done():
        outcome.set_result(answer)


def _fail(outcome: "asyncio.Future[T]", error: Exception) -> None:
    if not outcome.done():
        outcome.set_exception(error)
