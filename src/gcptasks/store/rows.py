"""Rows of the tables, and the values that they stand for."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pydantic_core import from_json, to_json

from gcptasks.base.names import QueueName, TaskName, parse_queue
from gcptasks.engine.model import (
    AppEngineRequest,
    AppEngineRouting,
    Attempt,
    EnforceMode,
    HttpRequest,
    HttpTarget,
    OAuthToken,
    OidcToken,
    Queue,
    QueueState,
    RateLimits,
    Request,
    RetryConfig,
    Task,
    Token,
    UriOverride,
)
from gcptasks.store.times import from_us, maybe_from_us, maybe_us, to_us

Row = tuple[Any, ...]

QUEUE_COLUMNS = (
    "name, state, max_dispatches_per_second, max_concurrent_dispatches, max_attempts, max_retry_duration_ns, "
    "min_backoff_ns, max_backoff_ns, max_doublings, sampling_ratio, purged_at, app_engine_routing_override, "
    "http_target, max_burst_size"
)
TASK_COLUMNS = (
    "scheduled_at, created_at, method, url, headers, body, token, app_engine_routing, deadline_us, retry, "
    "dispatch_count, response_count, first_dispatched_at, attempt_scheduled_at, attempt_dispatched_at, "
    "attempt_responded_at, attempt_status"
)

_MICROSECOND = timedelta(microseconds=1)


def queue_row(queue: Queue) -> Row:
    """The values of `QUEUE_COLUMNS`."""
    limits, retry = queue.rate_limits, queue.retry_config
    return (
        str(queue.name),
        queue.state.value,
        limits.max_dispatches_per_second,
        limits.max_concurrent_dispatches,
        retry.max_attempts,
        retry.max_retry_duration_ns,
        retry.min_backoff_ns,
        retry.max_backoff_ns,
        retry.max_doublings,
        queue.sampling_ratio,
        maybe_us(queue.purged_at),
        None if queue.app_engine_routing_override is None else _dumps(queue.app_engine_routing_override),
        None if queue.http_target is None else _target_text(queue.http_target),
        limits.max_burst_size,
    )


def queue_of(row: Row) -> Queue:
    """The queue of a row of `QUEUE_COLUMNS`."""
    name, state, rate, concurrent, attempts, duration, low, high, doublings, ratio, purged, override, target, burst = (
        row
    )
    return Queue(
        name=parse_queue(name),
        state=QueueState(state),
        rate_limits=RateLimits(
            max_dispatches_per_second=rate, max_concurrent_dispatches=concurrent, max_burst_size=burst
        ),
        retry_config=RetryConfig(
            max_attempts=attempts,
            max_retry_duration_ns=duration,
            min_backoff_ns=low,
            max_backoff_ns=high,
            max_doublings=doublings,
        ),
        sampling_ratio=ratio,
        purged_at=maybe_from_us(purged),
        app_engine_routing_override=None if override is None else AppEngineRouting(**from_json(override)),
        http_target=None if target is None else _target_of(target),
    )


def _target_text(target: HttpTarget) -> str:
    token = None if target.token is None else token_text(target.token)
    return _dumps({**asdict(target), "token": token})


def _target_of(text: str) -> HttpTarget:
    fields = from_json(text)
    override, token = fields["uri_override"], fields["token"]
    if override is not None:
        override["enforce_mode"] = EnforceMode(override["enforce_mode"])
    return HttpTarget(
        uri_override=None if override is None else UriOverride(**override),
        method=fields["method"],
        header_overrides=tuple((name, value) for name, value in fields["header_overrides"]),
        token=None if token is None else token_of(token),
    )


def new_task_row(task: Task) -> Row:
    """The values of the columns of a task that was never dispatched: `scheduled_at` to `retry`."""
    request = task.request
    if isinstance(request, AppEngineRequest):
        url, token, routing = request.relative_uri, None, _dumps(request.routing)
    else:
        url, token, routing = request.url, None if request.token is None else token_text(request.token), None
    return (
        to_us(task.scheduled_at),
        to_us(task.created_at),
        request.method,
        url,
        _dumps(request.headers),
        request.body,
        token,
        routing,
        task.dispatch_deadline // _MICROSECOND,
        None if task.retry_config is None else _dumps(asdict(task.retry_config)),
    )


def task_of(queue: QueueName, task_id: str, row: Row) -> Task:
    """The task of a row of `TASK_COLUMNS`."""
    (
        scheduled,
        created,
        method,
        url,
        headers,
        body,
        token,
        routing,
        deadline,
        retry,
        dispatches,
        responses,
        first,
        *attempt,
    ) = row
    request: Request
    if routing is None:
        request = HttpRequest(
            url=url,
            method=method,
            headers=from_json(headers),
            body=body,
            token=None if token is None else token_of(token),
        )
    else:
        request = AppEngineRequest(
            relative_uri=url,
            method=method,
            routing=AppEngineRouting(**from_json(routing)),
            headers=from_json(headers),
            body=body,
        )
    return Task(
        name=TaskName(queue, task_id),
        request=request,
        created_at=from_us(created),
        scheduled_at=from_us(scheduled),
        dispatch_deadline=timedelta(microseconds=deadline),
        retry_config=None if retry is None else RetryConfig(**from_json(retry)),
        dispatch_count=dispatches,
        response_count=responses,
        first_dispatched_at=maybe_from_us(first),
        last_attempt=_attempt_of(*attempt),
    )


def attempt_row(attempt: Attempt) -> Row:
    """The values of `attempt_scheduled_at` to `attempt_status`."""
    return (
        to_us(attempt.scheduled_at),
        maybe_us(attempt.dispatched_at),
        maybe_us(attempt.responded_at),
        attempt.status,
    )


def _attempt_of(
    scheduled: int | None, dispatched: int | None, responded: int | None, status: int | None
) -> Attempt | None:
    if scheduled is None:
        return None
    return Attempt(
        scheduled_at=from_us(scheduled),
        dispatched_at=maybe_from_us(dispatched),
        responded_at=maybe_from_us(responded),
        # While an attempt is under way the column still holds the status of the one before, for its headers.
        status=None if responded is None else status,
    )


def token_text(token: Token) -> str:
    """The token as one column keeps it."""
    return _dumps({"kind": type(token).__name__, **asdict(token)})


def token_of(text: str) -> Token:
    """The token of such a column."""
    fields = from_json(text)
    kind = OidcToken if fields.pop("kind") == OidcToken.__name__ else OAuthToken
    return kind(**fields)


def _dumps(value: object) -> str:
    return to_json(value).decode()
