"""Queues as messages, and what the calls on queues ask for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import LocationName, QueueName, parse_location, parse_queue
from gcptasks.engine.model import HttpTarget, NewQueue, Queue, QueueState, RateLimits
from gcptasks.engine.queues import bucket_size
from gcptasks.wire import times
from gcptasks.wire.app_engine import put_routing, routing
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.http_targets import http_target, put_http_target
from gcptasks.wire.cloud_tasks.names import resource
from gcptasks.wire.cloud_tasks.retries import put_retry_config, retry_config
from gcptasks.wire.field_masks import is_path, take
from gcptasks.wire.filters import matching

QueueRequest = (
    messages.GetQueueRequest
    | messages.DeleteQueueRequest
    | messages.PauseQueueRequest
    | messages.ResumeQueueRequest
    | messages.PurgeQueueRequest
)
"""A request that names a queue and says no more."""

_DOUBLINGS = frozenset(["retry_config", "retry_config.max_doublings"])
"""Paths that set them."""
_STATES = {QueueState.RUNNING: 1, QueueState.PAUSED: 2, QueueState.DISABLED: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQueues:
    """Which part of which list of queues is asked for."""

    parent: LocationName
    page_size: int
    """0: as many as the call allows."""
    page_token: str
    filter: str = ""
    """As sent."""
    matches: Callable[[Queue], bool] | None = None
    """Whether the filter finds a queue; None: there is no filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateQueue:
    name: QueueName
    queue: messages.Queue
    """As sent."""
    paths: tuple[str, ...] | None
    """The fields that change; None without a mask: all that can be set (CT-061)."""
    http_target: HttpTarget | None
    """That of `queue`."""


def new_queue(request: messages.CreateQueueRequest) -> NewQueue:
    """The queue that is asked for; a `ServiceError` if its name or parent is none (CT-023, CT-028, CT-254)."""
    parent = resource(parse_location, request.parent, request)
    return _new_queue(parent, parse_queue(request.queue.name), request.queue)


def queue_name(request: QueueRequest) -> QueueName:
    """The queue that the request names; a `ServiceError` if that is no queue name (CT-028, CT-254)."""
    return resource(parse_queue, request.name, request)


def update_queue(request: messages.UpdateQueueRequest) -> UpdateQueue:
    """What is asked for; a `ServiceError` if the name or a path of the mask is none (CT-028, CT-063, CT-254)."""
    name = resource(parse_queue, request.queue.name, request)
    paths = tuple(dict.fromkeys(request.update_mask.paths)) if request.HasField("update_mask") else None
    for path in paths or ():
        if not is_path(path, messages.Queue):
            raise InvalidArgument(f"Invalid mask: {path}")
    return UpdateQueue(name=name, queue=request.queue, paths=paths, http_target=_target(request.queue))


def changed(queue: Queue, update: UpdateQueue) -> NewQueue:
    """The queue as the update asks for it: what a mask does not name stays (CT-062)."""
    name = update.name
    if update.paths is None:
        return _new_queue(name.location, name, update.queue)
    message = queue_message(queue)
    for path in update.paths:
        take(path, update.queue, message)
    # Of what callers cannot set (CT-045), nothing is read.
    new = _new_queue(name.location, name, message)
    return replace(new, keeps_doublings=_DOUBLINGS.isdisjoint(update.paths))


def list_queues(request: messages.ListQueuesRequest) -> ListQueues:
    """What is asked for; a `ServiceError` if the parent is no location (CT-272), or the filter is none (CT-271)."""
    parent = resource(parse_location, request.parent, request)
    return ListQueues(
        parent=parent,
        page_size=request.page_size,
        page_token=request.page_token,
        filter=request.filter,
        matches=_matches(request.filter) if request.filter.strip() else None,
    )


def queue_message(queue: Queue) -> messages.Queue:
    """The queue as callers see it; what is not set is left out (CT-048, CT-243)."""
    message = messages.Queue(name=str(queue.name), state=_STATES[queue.state])
    limits = message.rate_limits
    limits.max_dispatches_per_second = queue.rate_limits.max_dispatches_per_second
    limits.max_burst_size = bucket_size(queue.rate_limits)
    limits.max_concurrent_dispatches = queue.rate_limits.max_concurrent_dispatches
    put_retry_config(message.retry_config, queue.retry_config)
    if queue.purged_at is not None:
        times.put_datetime(message.purge_time, queue.purged_at)
    if queue.sampling_ratio:
        message.stackdriver_logging_config.sampling_ratio = queue.sampling_ratio
    if queue.app_engine_routing_override is not None:
        put_routing(message.app_engine_routing_override, queue.app_engine_routing_override, queue.name.location)
    if queue.http_target is not None:
        put_http_target(message.http_target, queue.http_target)
    return message


def queue_list(queues: Iterable[Queue], next_page_token: str) -> messages.ListQueuesResponse:
    """One page of queues as callers see it."""
    return messages.ListQueuesResponse(queues=map(queue_message, queues), next_page_token=next_page_token)


def _matches(text: str) -> Callable[[Queue], bool]:
    finds = matching(text, messages.Queue)
    return lambda queue: finds(queue_message(queue))


def _target(queue: messages.Queue) -> HttpTarget | None:
    return http_target(queue.http_target) if queue.HasField("http_target") else None


def _new_queue(parent: LocationName, name: QueueName, queue: messages.Queue) -> NewQueue:
    overridden = queue.HasField("app_engine_routing_override")
    return NewQueue(
        parent=parent,
        name=name,
        rate_limits=RateLimits(
            max_dispatches_per_second=queue.rate_limits.max_dispatches_per_second,
            max_concurrent_dispatches=queue.rate_limits.max_concurrent_dispatches,
        ),
        retry_config=retry_config(queue.retry_config),
        sampling_ratio=queue.stackdriver_logging_config.sampling_ratio,
        app_engine_routing_override=routing(queue.app_engine_routing_override) if overridden else None,
        http_target=_target(queue),
    )
