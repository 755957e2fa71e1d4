"""Protobuf's times and spans as Python's, and back.

A `Timestamp` becomes a datetime, cut to whole microseconds. A `Duration` becomes whole nanoseconds, exactly.
"""

from datetime import datetime, timedelta

from gcptasks.base.epoch import EPOCH
from gcptasks.wire.common import Duration, Timestamp

_SECOND_NS = 1_000_000_000


def datetime_of(message: Timestamp) -> datetime:
    """That time; `OverflowError` before year 1 or after year 9999."""
    return EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)


def put_datetime(message: Timestamp, at: datetime) -> None:
    """Set the message to that time, which must be aware."""
    since = at - EPOCH
    message.seconds = since.days * 86_400 + since.seconds
    message.nanos = since.microseconds * 1000


def ns_of(message: Duration) -> int:
    """The span in nanoseconds."""
    return message.seconds * _SECOND_NS + message.nanos


def put_ns(message: Duration, ns: int) -> None:
    """Set the message to that many nanoseconds; both of its parts have the sign of the whole."""
    seconds, nanos = divmod(abs(ns), _SECOND_NS)
    message.seconds, message.nanos = (seconds, nanos) if ns >= 0 else (-seconds, -nanos)


def put_timedelta(message: Duration, span: timedelta) -> None:
    """Set the message to that span."""
    put_ns(message, (span.days * 86_400 + span.seconds) * _SECOND_NS + span.microseconds * 1000)
