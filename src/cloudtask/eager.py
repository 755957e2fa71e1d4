"""Tasks without a queue: run in this process, or posted straight to their worker."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

from cloudtask.message import headers_of
from cloudtask.settings import Settings
from gcptasks.base.running_loop import running_loop

if TYPE_CHECKING:
    from cloudtask.task import Task

_DEADLINE = 600.0
"""Seconds that a worker has if its task says nothing else, as from Cloud Tasks."""


class EagerTaskFailed(Exception):
    """The worker of a task that was posted to it did not answer with 2xx."""


async def push(task: "Task[Any]", settings: Settings) -> None:
    """Run the task, and raise what it raises; or post it, and raise `EagerTaskFailed` unless that went well."""
    if settings.eager == "remote":
        await asyncio.to_thread(_post, task, settings)
        return
    if task.is_async:
        await task.run_here()
    else:
        # It may block, and the event loop must not.
        await asyncio.to_thread(task.run_here)


def sync_push(task: "Task[Any]", settings: Settings) -> None:
    """The same, blocking."""
    if settings.eager == "remote":
        _post(task, settings)
    elif task.is_async:
        run_coroutine(task.run_here)
    else:
        task.run_here()


def run_coroutine(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What the coroutine returns, on an event loop of its own."""
    if running_loop() is None:
        return asyncio.run(make())
    # This thread's loop cannot wait for another: a thread can.
    outcome: list[tuple[Any, BaseException | None]] = []

    def run() -> None:
        try:
            outcome.append((asyncio.run(make()), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=copy_context().run, args=(run,), name="cloudtask-eager")
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def _post(task: "Task[Any]", settings: Settings) -> None:
    request = Request(task.url, data=task.body, headers=headers_of(task, settings), method="POST")
    deadline = _DEADLINE if task.timeout is None else task.timeout.total_seconds()
    try:
        with build_opener().open(request, timeout=deadline):
            pass
    except HTTPError as error:
        with error:
            raise EagerTaskFailed(f"{task!r}: {task.url} answered with {error.code}") from None
    except OSError as error:
        raise EagerTaskFailed(f"{task!r}: {task.url} cannot be reached: {error}") from error
