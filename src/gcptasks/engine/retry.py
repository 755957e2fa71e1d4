"""When a failed task is tried again, and when it is given up.

The wait before retry n is `min_backoff` doubled for each retry before it, for `max_doublings` doublings; from then on
it grows by a fixed step, the last doubled value; it never passes `max_backoff` (CT-199 to CT-201).
"""

from datetime import datetime, timedelta

from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.model import RetryConfig

_DEFAULTS = RetryConfig()
_SECOND_NS = 1_000_000_000


def stored(sent: RetryConfig) -> RetryConfig:
    """The settings as they are kept, members left out at their defaults (CT-044); `InvalidArgument` if they are wrong.

    Queues and tasks are checked alike (CT-294).
    """
    config = RetryConfig(
        max_attempts=sent.max_attempts or _DEFAULTS.max_attempts,
        max_retry_duration_ns=sent.max_retry_duration_ns or _DEFAULTS.max_retry_duration_ns,
        min_backoff_ns=sent.min_backoff_ns or _DEFAULTS.min_backoff_ns,
        max_backoff_ns=sent.max_backoff_ns or _DEFAULTS.max_backoff_ns,
        max_doublings=sent.max_doublings or _DEFAULTS.max_doublings,
    )
    _check(config)
    return config


def _check(config: RetryConfig) -> None:
    duration, low, high = config.max_retry_duration_ns, config.min_backoff_ns, config.max_backoff_ns
    for wrong, text in (
        (config.max_attempts < -1, "RetryConfig.maxAttempts must be greater or equal to -1."),
        (duration < 0, "RetryConfig.max_retry_duration.seconds cannot be negative."),
        (duration % _SECOND_NS, "RetryConfig.max_retry_duration.nanos cannot be set."),
        (low < 0, "RetryConfig.minBackoff cannot be negative."),
        (high < 0, "RetryConfig.maxBackoff cannot be negative."),
        (config.max_doublings < 0, "RetryConfig.maxDoublings cannot be negative."),
        (low > high, "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff."),
    ):
        if wrong:
            raise InvalidArgument(text)


def delay_ns(config: RetryConfig, retry: int) -> int:
    """Nanoseconds to wait before that retry; 1 is the first."""
    doublings = min(config.max_doublings, retry - 1)
    if doublings >= config.max_backoff_ns.bit_length():
        return config.max_backoff_ns  # one nanosecond doubled that often is past it already, and shifting costs memory
    steps = retry - doublings
    return min((config.min_backoff_ns << doublings) * steps, config.max_backoff_ns)


def gives_up(config: RetryConfig, attempts: int, first_dispatched_at: datetime, now: datetime) -> bool:
    """Whether a task is given up whose attempt number `attempts` has just failed.

    Each limit counts only if it is set, and if both are, both must be reached (CT-205, CT-206).
    """
    limits: list[bool] = []
    if config.max_attempts != -1:
        limits.append(attempts >= config.max_attempts)
    if config.max_retry_duration_ns:
        passed = (now - first_dispatched_at) // timedelta(microseconds=1)
        limits.append(passed * 1000 >= config.max_retry_duration_ns)
    return bool(limits) and all(limits)
