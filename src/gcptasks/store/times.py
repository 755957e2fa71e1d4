"""Times as SQL keeps them: whole microseconds since 1970, UTC."""

from datetime import datetime, timedelta

from gcptasks.base.epoch import EPOCH

_MICROSECOND = timedelta(microseconds=1)


def to_us(when: datetime) -> int:
    return (when - EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def maybe_us(when: datetime | None) -> int | None:
    return None if when is None else to_us(when)


def maybe_from_us(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
