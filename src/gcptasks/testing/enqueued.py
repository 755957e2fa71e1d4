"""The tasks that wait, as a test looks at them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gcptasks.testing.called import Call, CallFinder, Request, arguments_of
from gcptasks.testing.runs import call_text
from gcptasks.wire.cloud_tasks.http_methods import METHODS


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueuedTask:
    """A task that waits in its queue."""

    endpoint: str
    """The name of the endpoint or function that it calls."""
    called: object = field(repr=False)
    """The endpoint or function itself; None if nobody knows it."""
    full_name: str = field(repr=False)
    """Of the endpoint or function, with its module."""
    arguments: Mapping[str, Any] | None
    """What it is called with; None if that cannot be read."""
    name: str
    """The full name of the task."""
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    schedule_time: datetime
    """When its next attempt is due, in UTC."""
    create_time: datetime
    dispatch_deadline: timedelta
    attempts: int
    """How many were made."""

    @property
    def queue(self) -> str:
        """The full name of its queue."""
        return self.name.rpartition("/tasks/")[0]

    @property
    def task_id(self) -> str:
        return self.name.rpartition("/")[2]

    def __str__(self) -> str:
        more = f", {self.attempts} attempts made" if self.attempts else ""
        return (
            f"{call_text(self.endpoint, self.arguments)} in {self.queue.rpartition('/')[2]}, "
            f"due at {self.schedule_time.isoformat()}{more}, task {self.task_id}"
        )


def described(finder: CallFinder, messages: Iterable[Any]) -> list[EnqueuedTask]:
    """These tasks, Google's raw messages, the earliest first."""
    messages = list(messages)
    calls = finder.calls_of(map(_request_of, messages))
    tasks = [task_of(*one) for one in zip(messages, calls, arguments_of(calls), strict=True)]
    return sorted(tasks, key=lambda task: (task.schedule_time, task.create_time))


def _request_of(message: Any) -> Request:
    app_engine = message.HasField("app_engine_http_request")
    request = message.app_engine_http_request if app_engine else message.http_request
    return Request(
        METHODS[request.http_method],
        request.relative_uri if app_engine else request.url,
        dict(request.headers),
        request.body,
    )


def task_of(message: Any, call: Call, arguments: Mapping[str, Any] | None) -> EnqueuedTask:
    """The task of Google's raw message, which calls that with these arguments."""
    request = _request_of(message)
    return EnqueuedTask(
        endpoint=call.label,
        called=call.called,
        full_name=call.name,
        arguments=arguments,
        name=message.name,
        method=request.method,
        url=request.url,
        headers=request.headers,
        body=request.body,
        schedule_time=message.schedule_time.ToDatetime(UTC),
        create_time=message.create_time.ToDatetime(UTC),
        dispatch_deadline=message.dispatch_deadline.ToTimedelta(),
        attempts=message.dispatch_count,
    )
