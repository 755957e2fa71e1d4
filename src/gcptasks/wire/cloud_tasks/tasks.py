"""Tasks as messages, and what the calls on tasks ask for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from gcptasks.base.epoch import EPOCH
from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import QueueName, TaskName, parse_queue, parse_task
from gcptasks.engine.delivery import rpc_code, status_text
from gcptasks.engine.model import (
    AppEngineRequest,
    Attempt,
    HttpRequest,
    NewTask,
    Request,
    Task,
    View,
)
from gcptasks.wire import common, times
from gcptasks.wire.app_engine import put_routing, routing
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.http_methods import METHOD_NUMBERS, METHODS
from gcptasks.wire.cloud_tasks.names import resource
from gcptasks.wire.cloud_tasks.retries import put_retry_config, retry_config
from gcptasks.wire.tokens import put_token, token

TaskRequest = messages.GetTaskRequest | messages.DeleteTaskRequest | messages.RunTaskRequest
"""A request that names a task."""

_VIEWS = {0: View.BASIC, 1: View.BASIC, 2: View.FULL}
_VIEW_NUMBERS = {View.UNSPECIFIED: 0, View.BASIC: 1, View.FULL: 2}

_YEAR_10000 = 253_402_300_800
_BEYOND_ANY_LIMIT = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTasks:
    """Which part of which list of tasks is asked for, and how much of each."""

    parent: QueueName
    page_size: int
    """0: as many as the call allows."""
    page_token: str
    view: View


def new_task(request: messages.CreateTaskRequest) -> NewTask:
    """The task that is asked for.

    `PermissionDenied` if the parent has another shape than a queue's name (CT-025, CT-255); `InvalidArgument` if a name
    is none or the names do not go together (CT-026, CT-027, CT-254, CT-258), there is no payload (CT-092), or a time
    lies past year 9999 (CT-099). The rest is for the rules.
    """
    queue = resource(parse_queue, request.parent, request)
    task = request.task
    return NewTask(
        queue=queue,
        name=name_in(queue, task.name) if task.name else None,
        request=_payload(task),
        scheduled_at=_schedule(task.schedule_time) if task.HasField("schedule_time") else None,
        scheduled_ns=task.schedule_time.nanos % 1000,
        dispatch_deadline=_deadline(task.dispatch_deadline) if task.HasField("dispatch_deadline") else None,
        retry_config=retry_config(task.retry_config) if task.HasField("retry_config") else None,
        view=view(request.response_view),
    )


def task_name(request: TaskRequest) -> TaskName:
    """The task that the request names; a `ServiceError` if that is no task name (CT-026, CT-028, CT-254)."""
    return resource(parse_task, request.name, request)


def list_tasks(request: messages.ListTasksRequest) -> ListTasks:
    """What is asked for; a `ServiceError` if the parent is no queue (CT-028, CT-254)."""
    return ListTasks(
        parent=resource(parse_queue, request.parent, request),
        page_size=request.page_size,
        page_token=request.page_token,
        # Unlike in other calls an unknown number means BASIC here (CT-293).
        view=_VIEWS.get(request.response_view, View.BASIC),
    )


def view(number: int) -> View:
    """The view of that number: BASIC if unset, UNSPECIFIED if there is none (CT-126, CT-293)."""
    return _VIEWS.get(number, View.UNSPECIFIED)


def task_message(task: Task, view: View) -> messages.Task:
    """The task as callers see it, its body only in FULL (CT-125)."""
    request = task.request
    if isinstance(request, HttpRequest):
        message = _http_task(task, request, view)
    else:
        message = _app_engine_task(task, request, view)
    message.name = str(task.name)
    times.put_datetime(message.schedule_time, task.scheduled_at)
    message.dispatch_count = task.dispatch_count
    message.response_count = task.response_count
    if task.first_dispatched_at is not None:
        times.put_datetime(message.first_attempt.dispatch_time, task.first_dispatched_at)
    if task.last_attempt is not None:
        _put_attempt(message.last_attempt, task.last_attempt)
    if task.retry_config is not None:
        put_retry_config(message.retry_config, task.retry_config)
    return message


def task_list(tasks: Iterable[Task], next_page_token: str, view: View) -> messages.ListTasksResponse:
    """One page of tasks as callers see it."""
    return messages.ListTasksResponse(
        tasks=[task_message(task, view) for task in tasks], next_page_token=next_page_token
    )


def name_in(queue: QueueName, text: str) -> TaskName:
    """The task of that name; `InvalidArgument` if it is not one of that queue (CT-026, CT-027)."""
    return within(queue, parse_task(text))


def within(queue: QueueName, name: TaskName) -> TaskName:
    """The name; `InvalidArgument` if it is not one of that queue (CT-027)."""
    if name.queue != queue:
        raise InvalidArgument(
            f"The queue name from request ('{queue}') must be the same as "
            f"the queue name in the named task ('{name.queue}')."
        )
    return name


def _payload(task: messages.Task) -> Request:
    match task.WhichOneof("message_type"):
        case "http_request":
            return _http_request(task.http_request)
        case "app_engine_http_request":
            return _app_engine_request(task.app_engine_http_request)
        case _:
            raise InvalidArgument("Task.payload_type is not set.")


def _http_request(message: messages.HttpRequest) -> HttpRequest:
    return HttpRequest(
        url=message.url,
        method=METHODS.get(message.http_method, "POST"),  # the default (CT-119), and what unknown ones become (CT-293)
        headers=_headers(message.headers),
        body=message.body,
        token=token(message),
    )


def _app_engine_request(message: messages.AppEngineHttpRequest) -> AppEngineRequest:
    return AppEngineRequest(
        relative_uri=message.relative_uri,
        method=METHODS.get(message.http_method, "POST"),
        routing=routing(message.app_engine_routing),
        headers=_headers(message.headers),
        body=message.body,
    )


def _headers(of: Mapping[str, str]) -> dict[str, str]:
    return {name: of[name] for name in of}  # half the time of asking the map for its items


def _schedule(message: common.Timestamp) -> datetime:
    if message.seconds < 0:
        # Any past time means now, also one before year 1, which no datetime can hold (CT-111).
        return EPOCH
    if message.seconds >= _YEAR_10000:
        raise InvalidArgument("Request contains an invalid argument.")
    if not 0 <= message.nanos < 1_000_000_000:
        raise InvalidArgument(f"Task.scheduleTime.nanos must be from 0 to 999999999, not {message.nanos}.")
    return times.datetime_of(message)


def _deadline(message: common.Duration) -> timedelta:
    """The span; one that no `timedelta` can hold becomes one that the rule refuses as well (CT-097)."""
    if abs(message.seconds) > _BEYOND_ANY_LIMIT:
        return timedelta(seconds=_BEYOND_ANY_LIMIT if message.seconds > 0 else -_BEYOND_ANY_LIMIT)
    return timedelta(microseconds=times.ns_of(message) // 1000)


def _http_task(task: Task, request: HttpRequest, view: View) -> messages.Task:
    # Protobuf merges what is appended, so one parse makes the message. To set all members takes twice the time.
    parts = [_shared(request.method, task.dispatch_deadline, _VIEW_NUMBERS[view]), _created(task.created_at)]
    for name, value in request.headers.items():
        parts.append(_header(name, value))
    message = messages.Task.FromString(b"".join(parts))
    sent = message.http_request
    sent.url = request.url
    if view is View.FULL:
        sent.body = request.body
    if request.token is not None:
        put_token(sent, request.token)
    return message


# What many tasks have in common, serialized. Few are kept, as a header may be long.


@lru_cache(maxsize=64)
def _shared(method: str, dispatch_deadline: timedelta, view_number: int) -> bytes:
    message = messages.Task(view=view_number)
    message.http_request.http_method = METHOD_NUMBERS[method]
    if dispatch_deadline:
        times.put_timedelta(message.dispatch_deadline, dispatch_deadline)
    return message.SerializeToString()


@lru_cache(maxsize=64)
def _created(at: datetime) -> bytes:
    message = messages.Task()
    times.put_datetime(message.create_time, at)
    return message.SerializeToString()


@lru_cache(maxsize=128)
def _header(name: str, value: str) -> bytes:
    message = messages.Task()
    message.http_request.headers[name] = value
    return message.SerializeToString()


def _app_engine_task(task: Task, request: AppEngineRequest, view: View) -> messages.Task:
    message = messages.Task(view=_VIEW_NUMBERS[view])
    times.put_datetime(message.create_time, task.created_at)
    if task.dispatch_deadline:
        times.put_timedelta(message.dispatch_deadline, task.dispatch_deadline)
    sent = message.app_engine_http_request
    sent.relative_uri = request.relative_uri
    sent.http_method = METHOD_NUMBERS[request.method]
    sent.headers.update(request.headers)
    put_routing(sent.app_engine_routing, request.routing, task.name.queue.location)
    if view is View.FULL:
        sent.body = request.body
    return message


def _put_attempt(message: messages.Attempt, attempt: Attempt) -> None:
    times.put_datetime(message.schedule_time, attempt.scheduled_at)
    if attempt.dispatched_at is not None:
        times.put_datetime(message.dispatch_time, attempt.dispatched_at)
    if attempt.responded_at is not None:
        times.put_datetime(message.response_time, attempt.responded_at)
    if attempt.status is not None:
        message.response_status.code = rpc_code(attempt.status)
        message.response_status.message = status_text(attempt.status)
