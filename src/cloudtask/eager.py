"""Tasks without a queue: run in this process, or posted straight to their worker."""

import asyncio
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from random import getrandbits
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

from cloudtask.message import Requests
from cloudtask.running import run, run_blocking
from cloudtask.settings import Settings
from gcptasks.base.log_text import log_text
from gcptasks.base.names import TaskName, parse_task
from gcptasks.engine import model
from gcptasks.engine.delivery import Outgoing, outgoing
from gcptasks.engine.headers import USER_AGENT

if TYPE_CHECKING:
    from cloudtask.task import Task, TaskOptions

_DEADLINE = timedelta(minutes=10)
"""How long a worker may take if its task says nothing else, as from Cloud Tasks."""

_MOST_READ = 64 * 1024
_MOST_SHOWN = 1000


class EagerTaskFailed(Exception):
    """The worker of a task that was posted to it did not answer with 2xx.

    `status` and `body` are what it answered; None and empty if it did not.
    """

    def __init__(self, message: str, *, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


async def push(
    task: "Task[Any]", options: "TaskOptions", requests: Requests, settings: Settings, at: datetime | None
) -> None:
    """Run the task, and raise what it raises; or post it, and raise `EagerTaskFailed` unless that went well."""
    if settings.eager == "remote":
        await asyncio.to_thread(_post, task, options, requests, settings, at)
    else:
        requests.checked(options)
        await run(task.call_as_worker, is_async=task.is_async)


def sync_push(
    task: "Task[Any]", options: "TaskOptions", requests: Requests, settings: Settings, at: datetime | None
) -> None:
    """The same, blocking."""
    if settings.eager == "remote":
        _post(task, options, requests, settings, at)
    else:
        requests.checked(options)
        run_blocking(task.call_as_worker)


def _post(
    task: "Task[Any]", options: "TaskOptions", requests: Requests, settings: Settings, at: datetime | None
) -> None:
    sent = _first_attempt(task.body, options, requests, settings, at)
    headers = {**dict(sent.headers), "User-Agent": USER_AGENT}
    request = Request(sent.url, data=sent.body, headers=headers, method=sent.method)
    try:
        with build_opener().open(request, timeout=sent.deadline.total_seconds()):
            pass
    except HTTPError as error:
        with error:
            raise _answered(task, error) from None
    except (OSError, HTTPException) as error:
        raise EagerTaskFailed(f"{task!r}: {task.url} cannot be reached: {error}") from error


def _first_attempt(
    body: bytes, options: "TaskOptions", requests: Requests, settings: Settings, at: datetime | None
) -> Outgoing:
    """What Cloud Tasks would send, but for a token that only Google can sign."""
    message = requests.of(body, options, at).task
    http, now, queue = message.http_request, datetime.now(UTC), settings.queue_name(options.queue)
    request = model.HttpRequest(url=http.url, headers=dict(http.headers), body=http.body)
    started = model.Task(
        name=parse_task(message.name) if message.name else TaskName(queue, str(getrandbits(63))),
        request=request,
        created_at=now,
        scheduled_at=at or now,
        dispatch_deadline=options.timeout or _DEADLINE,
        dispatch_count=1,
    )
    return outgoing(started, model.Queue(name=queue), None)


def _answered(task: "Task[Any]", error: HTTPError) -> EagerTaskFailed:
    try:
        body = error.read(_MOST_READ)
    except (OSError, HTTPException):
        body = b""
    text = log_text(body[:_MOST_SHOWN].decode(errors="replace"))
    said = f"{task!r}: {task.url} answered with {error.code}"
    return EagerTaskFailed(f"{said}: {text}" if text else said, status=error.code, body=body)
