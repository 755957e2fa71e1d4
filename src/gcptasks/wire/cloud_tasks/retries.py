"""Retry settings, which a queue has and a task may have, as messages and back."""

from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.model import RetryConfig
from gcptasks.wire import common, times
from gcptasks.wire.cloud_tasks import messages

_LONGEST_NS = 2**63 - 1


def retry_config(message: messages.RetryConfig) -> RetryConfig:
    """The settings as sent, 0 for a member left out; negative and fractional spans too, for the rule to refuse."""
    return RetryConfig(
        max_attempts=message.max_attempts,
        max_retry_duration_ns=_span(message.max_retry_duration, "maxRetryDuration"),
        min_backoff_ns=_span(message.min_backoff, "minBackoff"),
        max_backoff_ns=_span(message.max_backoff, "maxBackoff"),
        max_doublings=message.max_doublings,
    )


def put_retry_config(message: messages.RetryConfig, config: RetryConfig) -> None:
    """Set the message to those settings; a retry duration of 0 stays unset (CT-030, CT-044)."""
    message.max_attempts = config.max_attempts
    message.max_doublings = config.max_doublings
    times.put_ns(message.min_backoff, config.min_backoff_ns)
    times.put_ns(message.max_backoff, config.max_backoff_ns)
    if config.max_retry_duration_ns:
        times.put_ns(message.max_retry_duration, config.max_retry_duration_ns)


def _span(message: common.Duration, field: str) -> int:
    ns = times.ns_of(message)
    if ns > _LONGEST_NS:  # Spans are stored as 64-bit nanoseconds: 292 years.
        raise InvalidArgument(f"RetryConfig.{field} must be less than 9223372037s here.")
    return ns
