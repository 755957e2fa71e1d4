"""What is sent for a task: the JSON that its worker reads, and Google's request around it."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from gcptasks.base.names import QueueName, is_task_id
from gcptasks.engine.task_limits import LARGEST, MOST_AHEAD
from gcptasks.values.refusal import reasons

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CreateTaskRequest

    from cloudtask.settings import Settings
    from cloudtask.task import Task

JSON_TYPE = "application/json"


class Malformed(ValueError):
    """The body is not the message of a task."""


class Message(BaseModel):
    """The body of a task."""

    path: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}


def body_of(path: str, arguments: bytes) -> bytes:
    """The body: `{"path": …, "args": […], "kwargs": {…}}`."""
    return b'{"path":' + to_json(path) + b"," + arguments + b"}"


def parsed(body: bytes) -> Message:
    """What a body says; `Malformed` if it is none."""
    try:
        return Message.model_validate_json(body)
    except ValidationError as error:
        raise Malformed(f'the body must be a JSON object with "path", "args" and "kwargs": {reasons(error)}') from None


def headers_of(task: "Task[Any]", settings: "Settings") -> dict[str, str]:
    """What a request of the task carries, whoever sends it."""
    headers = {"content-type": JSON_TYPE, **task.headers}
    if settings.secret:
        headers[settings.secret_header.lower()] = settings.secret
    return headers


def request_of(task: "Task[Any]", settings: "Settings", at: datetime | None) -> "CreateTaskRequest":
    """Google's request to create the task; `ValueError` for what Google would not accept."""
    from google.cloud.tasks_v2 import CreateTaskRequest, HttpMethod

    queue = settings.queue_name(task.queue)
    message: Any = CreateTaskRequest.pb()(parent=str(queue))
    http = message.task.http_request
    http.http_method = HttpMethod.POST.value
    http.url = task.url
    http.headers.update(headers_of(task, settings))
    http.body = task.body
    if settings.service_account is not None:
        http.oidc_token.service_account_email = settings.service_account
    if task.name is not None:
        message.task.name = f"{queue}/tasks/{_checked_id(task.name, queue)}"
    if task.timeout is not None:
        message.task.dispatch_deadline.FromTimedelta(task.timeout)
    if at is not None:
        message.task.schedule_time.FromDatetime(schedule(at, settings))
    if (size := message.task.ByteSize()) > LARGEST:
        raise ValueError(
            f"the task has {size} bytes, and Cloud Tasks takes {LARGEST} at most: pass a reference instead"
        )
    return CreateTaskRequest.wrap(message)


def schedule(at: datetime, settings: "Settings") -> datetime:
    """The time, aware; a naive one is of the client's zone, the first occurrence of an hour that comes twice.

    `ValueError` for one that the clocks of the zone skip, or that lies too far ahead.
    """
    if at.tzinfo is None:
        local = at.replace(tzinfo=settings.zone)
        if local.astimezone(UTC).astimezone(settings.zone).replace(tzinfo=None, fold=0) != at.replace(fold=0):
            raise ValueError(f"at={at} does not exist in {settings.zone}: the clocks skip it")
        at = local
    at = at.astimezone(UTC)
    if at - datetime.now(UTC) > MOST_AHEAD:
        raise ValueError(f"at={at.isoformat()} is more than {MOST_AHEAD // timedelta(days=1)} days ahead")
    return at


def _checked_id(name: str, queue: QueueName) -> str:
    """The last part of a task's name, which may be given whole."""
    text = name.removeprefix(f"{queue}/tasks/")
    if not is_task_id(text):
        raise ValueError(f"the name of a task must be 1 to 500 letters, digits, hyphens and underscores, not {name!r}")
    return text
