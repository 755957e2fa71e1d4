"""Times as SQL keeps them: whole microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(when: datetime) -> int:
    return (when - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def maybe_us(when: datetime | None) -> int | None:
    return None if when is None else to_us(when)


def maybe_from_us(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
