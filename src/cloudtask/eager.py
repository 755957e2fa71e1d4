"""Tasks without a queue: run in this process, or posted straight to their worker."""

import asyncio
from datetime import datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

from cloudtask.message import Requests
from cloudtask.running import run, run_blocking
from cloudtask.settings import Settings

if TYPE_CHECKING:
    from cloudtask.task import Task

_DEADLINE = 600.0
"""Seconds that a worker has if its task says nothing else, as from Cloud Tasks."""


class EagerTaskFailed(Exception):
    """The worker of a task that was posted to it did not answer with 2xx."""


async def push(task: "Task[Any]", requests: Requests, settings: Settings, at: datetime | None) -> None:
    """Run the task, and raise what it raises; or post it, and raise `EagerTaskFailed` unless that went well."""
    if settings.eager == "remote":
        await asyncio.to_thread(_post, task, requests, at)
    else:
        await run(task.call_as_worker, is_async=task.is_async)


def sync_push(task: "Task[Any]", requests: Requests, settings: Settings, at: datetime | None) -> None:
    """The same, blocking."""
    if settings.eager == "remote":
        _post(task, requests, at)
    else:
        run_blocking(task.call_as_worker)


def _post(task: "Task[Any]", requests: Requests, at: datetime | None) -> None:
    # What Cloud Tasks would send, but for a token that only Google can sign.
    sent = requests.of(task, at).task.http_request
    request = Request(sent.url, data=sent.body, headers=dict(sent.headers), method="POST")
    deadline = _DEADLINE if task.timeout is None else task.timeout.total_seconds()
    try:
        with build_opener().open(request, timeout=deadline):
            pass
    except HTTPError as error:
        with error:
            raise EagerTaskFailed(f"{task!r}: {task.url} answered with {error.code}") from None
    except (OSError, HTTPException) as error:
        raise EagerTaskFailed(f"{task!r}: {task.url} cannot be reached: {error}") from error
