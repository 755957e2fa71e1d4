"""What is sent for a task: the JSON that its worker reads, and Google's request around it."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from cloudtask import settings as check
from cloudtask.task import TaskOptions, too_large
from gcptasks.base import wall_clock
from gcptasks.base.names import parse_task
from gcptasks.client.request_bytes import body_head, due_at, named, with_headers
from gcptasks.engine.task_limits import LARGEST, MOST_AHEAD
from gcptasks.values.refusal import reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.cloud.tasks_v2 import CreateTaskRequest

    from cloudtask.settings import Settings
    from gcptasks.client.new_tasks import MakeNew
    from gcptasks.engine.header_rules import Headers
    from gcptasks.engine.model import NewTask

_JSON_TYPE = {"content-type": "application/json"}


class Malformed(ValueError):
    """The body is not the message of a task."""


class Message(BaseModel):
    """The body of a task."""

    path: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}


def parsed(body: bytes) -> Message:
    """What a body says; `Malformed` if it is none."""
    try:
        # JSON has no NaN, which to refuse so costs a third less than to look for it and have pydantic read the body.
        return Message.model_validate(from_json(body, allow_inf_nan=False))
    except ValueError as error:
        reason = _reason(body, error)
    raise Malformed(f'the body must be a JSON object with "path", "args" and "kwargs": {reason}')


def _reason(body: bytes, error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return f"Invalid JSON: {error}"
    try:
        # Of values that were read as JSON pydantic speaks in its words: of arrays, not of lists.
        Message.model_validate_json(body)
    except ValidationError as of_json:
        error = of_json
    return reasons(error)


class Requests:
    """Makes Google's requests to create the tasks of one client."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._fixed_part = lru_cache(maxsize=1024)(self._make_fixed_part)
        self._like = lru_cache(maxsize=1024)(_tasks_like)
        self._google: tuple[Callable[[bytes], Any], Callable[[Any], CreateTaskRequest]] | None = None
        """What parses a request, and what wraps it; known from the first on, as it takes Google's classes."""

    def of(
        self, body: bytes, options: TaskOptions, at: datetime | None, record: tuple[str, str] | None = None
    ) -> "CreateTaskRequest":
        """The request for a task with that body; `ValueError` for what Google would not accept.

        `record`: its full name, and the tag by which it finds its record, if it has one.
        """
        message = (options.fixed or self._all_but_the_body(options)) + body_head(len(body)) + body
        if record is not None:
            message = _recorded(message, *record)
        if at is not None:
            message = due_at(message, at)
        parse, wrap = self._google or self._load()
        request = wrap(parse(message))
        if len(message) > LARGEST:
            _check_size(request)
        return request

    def new(self, fixed: bytes, body: bytes, at: datetime | None) -> "NewTask":
        """What a service of this process reads in the request that has that `fixed` part, the body and the time."""
        return self._like(fixed)(body, scheduled_at=at)

    def place_of(self, options: TaskOptions) -> tuple[str, str | None]:
        """What the full names of tasks in its queue begin with, and the task's own id, if it has one."""
        names = f"{self._settings.queue_name(options.queue)}/tasks/"
        return names, None if options.name is None else self._full_name(options.name, options.queue).removeprefix(names)

    def checked(self, options: TaskOptions) -> "tuple[Headers, str | None]":
        """The headers, and the full name if there is one; `ValueError` for what Google would not accept."""
        headers = tuple(check.headers("headers", options.headers).items())
        return headers, None if options.name is None else self._full_name(options.name, options.queue)

    def _all_but_the_body(self, options: TaskOptions) -> bytes:
        headers, name = self.checked(options)
        message = self._fixed_part(options.queue, options.url, options.timeout, headers)
        if options.fixed is None:
            options.fixed = message
        return message if name is None else named(message, name)

    def _load(self) -> "tuple[Callable[[bytes], Any], Callable[[Any], CreateTaskRequest]]":
        from google.cloud.tasks_v2 import CreateTaskRequest

        self._google = google = CreateTaskRequest.pb().FromString, CreateTaskRequest.wrap
        return google

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


def _tasks_like(fixed: bytes) -> "MakeNew":
    from google.cloud.tasks_v2 import CreateTaskRequest

    from gcptasks.client.new_tasks import tasks_like  # here, as only a service of this process takes them

    return tasks_like(CreateTaskRequest.pb().FromString(fixed))


def _recorded(message: bytes, name: str, tag: str) -> bytes:
    from gcptasks.engine.task_records import RECORD_HEADER  # here, as most tasks have no record

    return named(with_headers(message, ((RECORD_HEADER, tag),)), name)


def _check_size(request: "CreateTaskRequest") -> None:
    size = type(request).pb(request).task.ByteSize()
    if size > LARGEST:
        raise too_large(size)


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
    if at - wall_clock.now() > MOST_AHEAD:
        raise ValueError(f"at={at.isoformat()} is more than {MOST_AHEAD.days} days ahead")
    return wall_clock.as_due(at)
