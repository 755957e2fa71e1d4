"""How a task says itself whether, and when, it is tried again."""

import math
from datetime import timedelta


class RetryLater(Exception):
    """Raise it in a task to be tried again, no sooner than `after`: seconds, or a `timedelta`.

    The worker answers with 503 and a `Retry-After` of whole seconds, rounded up. The local service starts this task's
    next attempt no sooner, if any attempts are left. Google considers it, and slows the whole queue down (CT-180).
    `ValueError` if `after` is negative or no span.
    """

    __module__ = "fastapi_gcp_tasks"  # where users import it from

    def __init__(self, after: float | timedelta) -> None:
        self.after = _span(after)
        super().__init__(self.after)

    def __str__(self) -> str:
        return f"to be tried again in {self.after.total_seconds():g} s"

    @property
    def seconds(self) -> int:
        """What `Retry-After` says."""
        return math.ceil(self.after.total_seconds())


class DoNotRetry(Exception):
    """Raise it in a task that failed for good: the worker answers with 200, so that the queue is done with it.

    `reason` goes to the log of the worker, and into the record of a task that is recorded.
    """

    __module__ = "fastapi_gcp_tasks"  # where users import it from

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def _span(after: float | timedelta) -> timedelta:
    try:
        span = after if isinstance(after, timedelta) else timedelta(seconds=after)
    except (TypeError, ValueError, OverflowError):  # no number, not a number, more than a span can hold
        span = None
    if span is None or span < timedelta(0):
        raise ValueError(f"RetryLater(after=…) takes seconds or a timedelta, 0 or more, not {after!r}")
    return span
