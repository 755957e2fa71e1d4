"""The rules of queues: what is refused, what is filled in, and their states."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import QueueName
from gcptasks.engine import app_engine, http_targets, retry
from gcptasks.engine.model import HttpTarget, NewQueue, Queue, QueueState, RateLimits
from gcptasks.engine.quotas import Quotas

QUEUE_NAME_BLOCK = timedelta(days=7)
"""How long the name of a deleted queue cannot be used again (CT-033)."""

_MAX_RATE = 500
_MAX_CONCURRENT = 5000
_INT32_MAX = 2**31 - 1
_DEFAULTS = RateLimits()


def create(new: NewQueue, quotas: Quotas) -> Queue:
    """The queue as it is kept, members left out at their defaults (CT-044); `InvalidArgument` if something is wrong."""
    if new.name.location != new.parent:
        raise InvalidArgument(f"{new.name} must begin with {new.parent}.")
    return update(defaults(new.name), new, new.http_target, quotas)


def update(queue: Queue, new: NewQueue, sent_target: HttpTarget | None, quotas: Quotas) -> Queue:
    """The queue with the settings of `new`; `InvalidArgument` if something is wrong.

    Its state stays (CT-064), and when it was purged. A target that was sent is checked, even if it does not become
    that of `new` (CT-274), and what does become it only for what makes no URL (CT-278, CT-280).
    """
    rate_limits = _rate_limits(new.rate_limits, quotas)
    retry_config = retry.stored(new.retry_config)
    if new.keeps_doublings:
        retry_config = replace(retry_config, max_doublings=queue.retry_config.max_doublings)
    if not 0.0 <= new.sampling_ratio <= 1.0:
        raise InvalidArgument("sampling_ratio must be between 0.0 and 1.0.")
    if sent_target is not None:
        http_targets.check(sent_target)
    target, routing = new.http_target, new.app_engine_routing_override
    if target is not None and target.uri_override is not None:
        http_targets.check_override(target.uri_override)
    return replace(
        queue,
        rate_limits=rate_limits,
        retry_config=retry_config,
        sampling_ratio=new.sampling_ratio,
        app_engine_routing_override=None if routing is None else app_engine.stored_routing(routing),
        http_target=target,
    )


def defaults(name: QueueName) -> Queue:
    """The queue that a task makes by naming it first (CT-L16)."""
    return Queue(name=name)


def imported(before: Queue | None, new: Queue) -> Queue:
    """The queue with the settings that a queue.yaml has; what it cannot say stays. One without a rate is paused."""
    if before is None:
        return new
    return replace(
        before,
        rate_limits=new.rate_limits,
        retry_config=new.retry_config,
        app_engine_routing_override=new.app_engine_routing_override,
        state=QueueState.PAUSED if new.state is QueueState.PAUSED else before.state,
    )


def paused(queue: Queue) -> Queue:
    """The queue, sending nothing."""
    return replace(queue, state=QueueState.PAUSED)


def resumed(queue: Queue) -> Queue:
    """The queue, sending again."""
    return replace(queue, state=QueueState.RUNNING)


def purged(queue: Queue, now: datetime) -> Queue:
    """The queue after a purge, its state unchanged (CT-083). Its tasks go by the hand of whoever keeps them."""
    return replace(queue, purged_at=now)


def burst_size(rate: float) -> int:
    """How many tasks a queue of that rate may send at once by itself: max(10, floor(rate / 5)) (CT-039)."""
    return max(10, int(min(rate / 5, _INT32_MAX)))  # it is an int32 in Google's message


def bucket_size(limits: RateLimits) -> int:
    """How many tasks a queue with these limits may send at once."""
    return limits.max_burst_size or burst_size(limits.max_dispatches_per_second)


def _rate_limits(sent: RateLimits, quotas: Quotas) -> RateLimits:
    rate = sent.max_dispatches_per_second or _DEFAULTS.max_dispatches_per_second
    concurrent = sent.max_concurrent_dispatches or _DEFAULTS.max_concurrent_dispatches
    limited = quotas is Quotas.GOOGLE
    for wrong, text in (
        (limited and rate > _MAX_RATE, "RateLimits.maxDispatchesPerSecond must be less than or equal to 500."),
        (rate < 0, "RateLimits.maxDispatchesPerSecond cannot be negative."),
        (not math.isfinite(rate), "RateLimits.maxDispatchesPerSecond must be a finite number."),
        (
            limited and concurrent > _MAX_CONCURRENT,
            "RateLimits.maxConcurrentDispatches must be less than or equal to 5000.",
        ),
        (concurrent < 0, "RateLimits.maxConcurrentDispatches cannot be negative."),
    ):
        if wrong:
            raise InvalidArgument(text)
    return RateLimits(max_dispatches_per_second=rate, max_concurrent_dispatches=concurrent)
