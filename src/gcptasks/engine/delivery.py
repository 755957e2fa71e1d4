"""What an attempt sends, and how its outcome is written down."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from gcptasks.base.epoch import EPOCH
from gcptasks.base.errors import Unreachable
from gcptasks.base.frozen import frozen
from gcptasks.engine import app_engine, http_targets
from gcptasks.engine.leased_record import LeasedRecord
from gcptasks.engine.model import AppEngineRequest, HttpRequest, Queue, Task, Token

_OWN_PREFIX = "x-cloudtasks-"
_NO_ANSWER = 504

# As recorded from Google (CT-311); a status that nobody recorded follows its neighbours.
_CODES = {
    0: 2,
    400: 3,
    401: 16,
    403: 7,
    404: 5,
    409: 10,
    429: 8,
    499: 1,
    501: 12,
    503: 14,
    504: 4,
}
_CODES_OF_CLASS = {4: 9, 5: 13}
_UNKNOWN = 2
_CODE_NAMES = {
    1: "CANCELLED",
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    16: "UNAUTHENTICATED",
}


@frozen(kw_only=True)
class Outgoing:
    """One attempt as its worker will see it. Whoever sends it sets `Content-Length`, and `Host` by `host` or by URL."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    deadline: timedelta
    token: Token | None = None
    """What whoever sends it signs for it."""
    host: str = ""
    """The `Host` header, if it is not the URL's."""
    follows_redirects: bool = True
    record: LeasedRecord | None = None
    """What a worker of this process records the attempt in."""


def outgoing(
    task: Task,
    queue: Queue,
    previous_status: int | None,
    app_address: str | None = None,
    record: LeasedRecord | None = None,
) -> Outgoing:
    """What is sent for the attempt that `task`, as `tasks.dispatched` left it, has under way.

    `previous_status` is that of the attempt before; None if there was none, or if it was lost.
    `app_address` is where App Engine apps are; `Unreachable` if one is meant and it is None, or if the queue's target
    makes of the task what is never sent.
    """
    request = task.request
    if isinstance(request, AppEngineRequest):
        routing = queue.app_engine_routing_override or request.routing
        host = app_engine.host(routing, queue.name.location)
        own = _app_engine_headers(task, queue, previous_status)
        return to_app_engine(request, host, app_address, own, task.dispatch_deadline)
    if queue.http_target is not None:
        request = http_targets.overridden(request, queue.http_target)
    return Outgoing(
        method=request.method,
        url=request.url,
        headers=_headers(task, request, queue, previous_status),
        body=request.body,
        deadline=task.dispatch_deadline,
        token=request.token,
        record=record,
    )


def to_app_engine(
    request: AppEngineRequest, host: str, address: str | None, own: Sequence[tuple[str, str]], deadline: timedelta
) -> Outgoing:
    """What is sent to the app at `address`, with `own` beside the request's headers; `Unreachable` if that is None.

    The app is told by `host` which part of it is meant. A deadline of 0 is left to the app.
    """
    if address is None:
        raise Unreachable(app_engine.NO_ADDRESS)
    return Outgoing(
        method=request.method,
        url=f"{address}{request.relative_uri}",
        headers=[*request.headers.items(), *own],
        body=request.body,
        deadline=deadline or app_engine.DEADLINE,
        host=host,
        follows_redirects=False,  # CT-196
    )


def _headers(task: Task, request: HttpRequest, queue: Queue, previous_status: int | None) -> list[tuple[str, str]]:
    retries = task.dispatch_count - 1
    # A caller's own X-CloudTasks-* headers are kept in the task, and replaced here (CT-170).
    headers = [item for item in request.headers.items() if not _is_own(item[0])]
    headers += (
        ("X-CloudTasks-QueueName", queue.name.queue),
        ("X-CloudTasks-TaskName", task.name.task),
        ("X-CloudTasks-TaskRetryCount", str(retries)),
        ("X-CloudTasks-TaskExecutionCount", str(task.response_count)),
        ("X-CloudTasks-TaskETA", _seconds(task.scheduled_at)),
    )
    if retries > 0:
        headers += (
            # No answer shows as 504 (CT-168), an unreachable host too (CT-193).
            ("X-CloudTasks-TaskPreviousResponse", str(previous_status or _NO_ANSWER)),
            ("X-CloudTasks-TaskRetryReason", ""),
        )
    return headers


@lru_cache(maxsize=1024)
def _is_own(name: str) -> bool:
    return name.lower().startswith(_OWN_PREFIX)


def _app_engine_headers(task: Task, queue: Queue, previous_status: int | None) -> list[tuple[str, str]]:
    """Those of CT-191. None that the caller sent is among the task's own (CT-249)."""
    retries = task.dispatch_count - 1
    headers = [
        ("X-AppEngine-QueueName", queue.name.queue),
        ("X-AppEngine-TaskName", task.name.task),
        ("X-AppEngine-TaskRetryCount", str(retries)),
        ("X-AppEngine-TaskExecutionCount", str(task.response_count)),
        ("X-AppEngine-TaskETA", _seconds(task.scheduled_at)),
    ]
    if retries > 0:
        # No response shows as 0, with a reason of its own (CT-193).
        answered = previous_status is not None and app_engine.is_response(previous_status)
        headers += (
            ("X-AppEngine-TaskPreviousResponse", str(previous_status) if answered else "0"),
            ("X-AppEngine-TaskRetryReason", "App Error" if answered else "Instance Unavailable"),
        )
    return headers


def _seconds(when: datetime) -> str:
    """Seconds since the epoch, the fraction without trailing zeros (CT-169)."""
    since = when - EPOCH
    seconds = since.days * 86400 + since.seconds
    return f"{seconds}.{since.microseconds:06}".rstrip("0") if since.microseconds else str(seconds)


def rpc_code(status: int) -> int:
    """The gRPC code that stands for that HTTP status in `response_status` (CT-311 to CT-313)."""
    code = _CODES.get(status)
    return _CODES_OF_CLASS.get(status // 100, _UNKNOWN) if code is None else code


def status_text(status: int) -> str:
    """The message of `response_status` (CT-187)."""
    code = rpc_code(status)
    return f"{_CODE_NAMES[code]}({code}): HTTP status code {status}"
