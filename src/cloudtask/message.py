"""What is sent for a task: the JSON that its worker reads, and Google's request around it."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from cloudtask import settings as check
from gcptasks.base.names import parse_task
from gcptasks.client.request_bytes import body_head, due_at, named
from gcptasks.engine.task_limits import LARGEST, MOST_AHEAD
from gcptasks.values.refusal import reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.cloud.tasks_v2 import CreateTaskRequest

    from cloudtask.settings import Settings
    from cloudtask.task import Task
    from gcptasks.engine.header_rules import Headers

_JSON_TYPE = {"content-type": "application/json"}


class Malformed(ValueError):
    """The body is not the message of a task."""


class Message(BaseModel):
    """The body of a task."""

    path: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}


def body_head_of(path: str) -> bytes:
    """What stands before the arguments in the body: `{"path": …, "args": […], "kwargs": {…}}`."""
    return b'{"path":' + to_json(path) + b","


def body_of(head: bytes, arguments: bytes) -> bytes:
    """The body; `ValueError` if no task can hold it."""
    body = head + arguments + b"}"
    if len(body) > LARGEST:
        raise _too_large(len(body))
    return body


def parsed(body: bytes) -> Message:
    """What a body says; `Malformed` if it is none."""
    try:
        return Message.model_validate_json(body)
    except ValidationError as error:
        raise Malformed(f'the body must be a JSON object with "path", "args" and "kwargs": {reasons(error)}') from None


class Requests:
    """Makes Google's requests to create the tasks of one client."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._fixed_part = lru_cache(maxsize=1024)(self._make_fixed_part)
        self._wrap: Callable[[bytes], CreateTaskRequest] | None = None

    def of(self, task: "Task[Any]", at: datetime | None) -> "CreateTaskRequest":
        """The request for that task; `ValueError` for what Google would not accept."""
        headers, name = self.checked(task)
        message = self._fixed_part(task.queue, task.url, task.timeout, headers)
        message += body_head(len(task.body)) + task.body
        if name is not None:
            message = named(message, name)
        if at is not None:
            message = due_at(message, at)
        wrap = self._wrap
        if wrap is None:
            wrap = self._wrap = _wrapping()
        request = wrap(message)
        if len(message) > LARGEST:
            _check_size(request)
        return request

    def checked(self, task: "Task[Any]") -> "tuple[Headers, str | None]":
        """The headers of that task, and its full name if it has one; `ValueError` for what Google would not accept."""
        headers = tuple(check.headers("headers", task.headers).items()) if task.headers else ()
        return headers, None if task.name is None else self._full_name(task.name, task.queue)

    def _full_name(self, name: str, queue_id: str) -> str:
        """The name, which may be given whole; of a forced queue, whatever queue it names."""
        settings = self._settings
        queue = settings.queue_name(queue_id)
        if "/" in name:
            whole = parse_task(name)
            if whole.queue != queue and settings.force_to_queue is None:
                raise ValueError(f"name {name!r} is that of a task of another queue than {queue}")
            name = whole.task
        return f"{queue}/tasks/{name}"

    def _make_fixed_part(self, queue: str, url: str, timeout: timedelta | None, headers: "Headers") -> bytes:
        """What is the same in many requests, serialized."""
        from google.cloud.tasks_v2 import CreateTaskRequest, HttpMethod

        settings = self._settings
        message: Any = CreateTaskRequest.pb()(parent=str(settings.queue_name(queue)))
        http = message.task.http_request
        http.http_method = HttpMethod.POST.value
        http.url = url
        http.headers.update(_JSON_TYPE)
        http.headers.update(headers)
        if settings.secret:
            http.headers[settings.secret_header.lower()] = settings.secret
        if settings.service_account is not None:
            http.oidc_token.service_account_email = settings.service_account
        if timeout is not None:
            message.task.dispatch_deadline.FromTimedelta(timeout)
        fixed: bytes = message.SerializeToString()
        return fixed


def _wrapping() -> "Callable[[bytes], CreateTaskRequest]":
    from google.cloud.tasks_v2 import CreateTaskRequest

    parse, wrap = CreateTaskRequest.pb().FromString, CreateTaskRequest.wrap

    def wrapped(message: bytes) -> CreateTaskRequest:
        request: CreateTaskRequest = wrap(parse(message))
        return request

    return wrapped


def _check_size(request: "CreateTaskRequest") -> None:
    size = type(request).pb(request).task.ByteSize()
    if size > LARGEST:
        raise _too_large(size)


def checked_time(at: datetime, settings: "Settings") -> datetime:
    """The time in UTC; a naive one is of the client's zone, the first occurrence of an hour that comes twice.

    `ValueError` for one that the clocks of the zone skip, or that lies too far ahead.
    """
    if not isinstance(at, datetime):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a checker
        raise TypeError(f"at must be a datetime, not {at!r}")
    try:
        if at.tzinfo is None:
            local = at.replace(tzinfo=settings.zone)
            if local.astimezone(UTC).astimezone(settings.zone).replace(tzinfo=None, fold=0) != at.replace(fold=0):
                raise ValueError(f"at={at} does not exist in {settings.zone}: the clocks skip it")
            at = local
        at = at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"at={at} is no time that a task can have: {error}") from None
    if at - datetime.now(UTC) > MOST_AHEAD:
        raise ValueError(f"at={at.isoformat()} is more than {MOST_AHEAD.days} days ahead")
    return at


def _too_large(size: int) -> ValueError:
    return ValueError(
        f"the task has {size} bytes, and the service takes {LARGEST} at most: "
        "keep the data elsewhere, and pass a reference to it"
    )
