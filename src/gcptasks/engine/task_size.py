"""How large a task may be (CT-101): what counts is what protobuf would take of the whole stored task.

That is in FULL, without `view` (CT-245). Every field has a number under 16, so a tag takes one byte.
"""

from datetime import datetime, timedelta

from gcptasks.base.epoch import EPOCH
from gcptasks.engine import app_engine
from gcptasks.engine.delivery import rpc_code, status_text
from gcptasks.engine.model import AppEngineRequest, Attempt, OidcToken, RetryConfig, Task, Token
from gcptasks.engine.task_limits import LARGEST

_SECOND_NS = 1_000_000_000
_BOUNDED = 512 * 1024
"""More than all parts together that have limits of their own: headers, 80 KB of which take 220 KB if each is as short
as can be, the URL, the ids of queue and task, times, numbers."""
_UTF8 = 4
"""Bytes of a character at most."""
_HTTP_METHOD = 2


def too_large(task: Task) -> bool:
    """Whether the service refuses to keep the task."""
    # A look at what can be long is enough for nearly all tasks, and costs a small part of counting.
    return _at_most(task) > LARGEST and size(task) > LARGEST


def size(task: Task) -> int:
    """The bytes that count."""
    return (
        _text(str(task.name))
        + _part(_request(task))
        + _part(_time(task.scheduled_at))
        + _part(_time(task.created_at))
        # That of an App Engine task counts only if it was set (CT-245).
        + (_part(_span(task.dispatch_deadline // timedelta(microseconds=1) * 1000)) if task.dispatch_deadline else 0)
        + _number(task.dispatch_count)
        + _number(task.response_count)
        + (_part(_part(_time(task.first_dispatched_at))) if task.first_dispatched_at else 0)
        + (_part(_attempt(task.last_attempt)) if task.last_attempt else 0)
        + (_part(_retry_config(task.retry_config)) if task.retry_config else 0)
    )


def _at_most(task: Task) -> int:
    request, location = task.request, task.name.queue.location
    unbounded = len(request.body) + len(location.project) + len(location.location)
    if isinstance(request, AppEngineRequest):
        unbounded += len(location.project) + len(location.location)  # they are in the host, too
    elif request.token is not None:
        unbounded += _UTF8 * sum(map(len, _texts(request.token)))
    return unbounded + _BOUNDED


def _request(task: Task) -> int:
    request = task.request
    if isinstance(request, AppEngineRequest):
        # Of the routing the host alone counts (CT-245).
        where = _text(request.relative_uri) + _part(_text(app_engine.host(request.routing, task.name.queue.location)))
    else:
        where = _text(request.url) + (_part(sum(map(_text, _texts(request.token)))) if request.token else 0)
    return (
        where
        + _HTTP_METHOD
        + sum(_part(_part(_bytes(name)) + _part(_bytes(value))) for name, value in request.headers.items())
        + (_part(len(request.body)) if request.body else 0)
    )


def _texts(token: Token) -> tuple[str, str]:
    return token.service_account_email, token.audience if isinstance(token, OidcToken) else token.scope


def _attempt(attempt: Attempt) -> int:
    times = (attempt.scheduled_at, attempt.dispatched_at, attempt.responded_at)
    taken = sum(_part(_time(at)) for at in times if at is not None)
    if attempt.status is None:
        return taken
    return taken + _part(_number(rpc_code(attempt.status)) + _text(status_text(attempt.status)))


def _retry_config(config: RetryConfig) -> int:
    return (
        _number(config.max_attempts)
        + _number(config.max_doublings)
        + _part(_span(config.min_backoff_ns))
        + _part(_span(config.max_backoff_ns))
        + (_part(_span(config.max_retry_duration_ns)) if config.max_retry_duration_ns else 0)
    )


def _time(at: datetime) -> int:
    since = at - EPOCH
    return _number(since.days * 86_400 + since.seconds) + _number(since.microseconds * 1000)


def _span(ns: int) -> int:
    seconds, nanos = divmod(ns, _SECOND_NS)  # none is below 0: such a span was refused before
    return _number(seconds) + _number(nanos)


def _text(text: str) -> int:
    """A text; one that is empty is left out."""
    return _part(_bytes(text)) if text else 0


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number(number: int) -> int:
    """A number; 0 is left out."""
    return 1 + _varint(number) if number else 0


def _part(size: int) -> int:
    """A tag, a length, and so many bytes."""
    return 1 + _varint(size) + size


def _varint(number: int) -> int:
    """Seven bits a byte; a number below 0 is written as one of 64 bits."""
    return max(1, -(-number.bit_length() // 7)) if number >= 0 else 10
