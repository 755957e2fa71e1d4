"""When a failed attempt of a job is made again.

The waits double from the least for `max_doublings` times, then grow by the last of these (CS-144, CS-145).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.job_model import JobRetryConfig

NO_RETRIES = JobRetryConfig()
"""What holds where a job has no retry config (CS-133)."""

_MOST_RETRIES = 5
_SECOND_NS = 1_000_000_000
_MEASURED_STEP_NS = 2 * _SECOND_NS
_MICROSECOND = timedelta(microseconds=1)
_LONGEST = timedelta(days=366)
_LONGEST_SPAN_NS = 315_576_000_000 * _SECOND_NS
"""Of a `google.protobuf.Duration`: a longer one has no JSON."""


def stored(sent: JobRetryConfig) -> JobRetryConfig:
    """The settings as they are kept, members left out at their defaults; `InvalidArgument` if they are wrong."""
    config = replace(
        sent,
        min_backoff_ns=sent.min_backoff_ns or NO_RETRIES.min_backoff_ns,
        max_backoff_ns=sent.max_backoff_ns or NO_RETRIES.max_backoff_ns,
        max_doublings=sent.max_doublings or NO_RETRIES.max_doublings,
    )
    duration, low, high = config.max_retry_duration_ns, config.min_backoff_ns, config.max_backoff_ns
    for wrong, text in (
        (
            not 0 <= config.retry_count <= _MOST_RETRIES,
            "invalid retry count. The retry_count must be a positive integer less than 5",
        ),
        (duration < 0, "retryConfig.max_retry_duration.seconds cannot be negative"),
        (duration % _SECOND_NS, "retryConfig.max_retry_duration.nanos cannot be set"),
        (low < 0, "retryConfig.min_backoff_duration cannot be negative"),
        (high < 0, "retryConfig.max_backoff_duration cannot be negative"),
        *(
            (span > _LONGEST_SPAN_NS, f"retryConfig.{name} must be 315576000000s at most")
            for name, span in (
                ("max_retry_duration", duration),
                ("min_backoff_duration", low),
                ("max_backoff_duration", high),
            )
        ),
        (config.max_doublings < 0, "retryConfig.max_doublings cannot be negative"),
        (
            low > high,
            "retryConfig.min_backoff_duration must be less than or equal to retryConfig.max_backoff_duration",
        ),
    ):
        if wrong:
            raise InvalidArgument(f"{text}: invalid argument")
    return config


def next_attempt_at(
    config: JobRetryConfig, attempts: int, first_at: datetime, now: datetime, *, measured_growth: bool = False
) -> datetime | None:
    """When the next attempt is made if number `attempts` failed just now; None if none is (CS-133 to CS-138, CS-190).

    `measured_growth`: the waits grow as measured instead of as documented (CS-146, CS-L9).
    """
    at = now + wait(config, attempts, measured_growth=measured_growth)
    window = config.max_retry_duration_ns
    # Not by the clock alone, which may have been set back meanwhile.
    spent = window == 0 or (at - first_at) // _MICROSECOND * 1000 > window
    # Both limits must be reached; a count of 0 and a window of 0 are.
    return None if attempts > config.retry_count and spent else at


def wait(config: JobRetryConfig, retry: int, *, measured_growth: bool = False) -> timedelta:
    """How long to wait before that retry; 1 is the first (CS-144 to CS-147)."""
    doublings = min(config.max_doublings, retry - 1)
    if doublings >= config.max_backoff_ns.bit_length():
        waits = config.max_backoff_ns
    else:
        doubled = config.min_backoff_ns << doublings
        further = retry - 1 - doublings
        waits = min(doubled + further * (_MEASURED_STEP_NS if measured_growth else doubled), config.max_backoff_ns)
    return min(timedelta(microseconds=min(-(-waits // 1000), _LONGEST // _MICROSECOND)), _LONGEST)
