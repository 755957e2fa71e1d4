"""Time zones: which there are, and when their clocks show a time.

Where clocks go forward, the times in between do not exist. Where they go back, the times in between come twice.
PEP 495 says how Python tells: `fold` 0 and 1 give the same offset from UTC, unless the time is in such a place. In a
gap the second offset is the larger one, in an overlap the first.
"""

from collections.abc import Set
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.schedules.schedule import NOT_VALID

_MINUTE = timedelta(minutes=1)


def open_zone(name: str) -> ZoneInfo:
    """The zone of that name, UTC if it is empty (CS-023); `InvalidArgument` if there is none (CS-105).

    Upper and lower case differ, but for `utc` (CS-106).
    """
    name = "UTC" if name in ("", "utc") else name
    if name not in _names():
        raise InvalidArgument(NOT_VALID)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # its file is gone, damaged or not ours to read
        raise InvalidArgument(NOT_VALID) from None


@cache
def _names() -> Set[str]:
    """All names of the zone database.

    What `ZoneInfo` opens depends on the machine: other files and directories, any case of letters on some file systems.
    """
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def first_at(wall: datetime) -> datetime | None:
    """When the clocks of its zone show `wall` first, in UTC; None if they never do."""
    first = wall.utcoffset()
    second = wall.replace(fold=1).utcoffset()
    assert first is not None
    assert second is not None
    return None if first < second else (wall - first).replace(tzinfo=UTC)


def second_at(wall: datetime) -> datetime | None:
    """When they show it once more, because they were put back in between; None if they do not."""
    return wall.replace(fold=1).astimezone(UTC) if put_back(wall) else None


def put_back(wall: datetime) -> timedelta:
    """By how much the clocks are put back at a time that comes twice; zero at any other."""
    first = wall.replace(fold=0).utcoffset()
    second = wall.replace(fold=1).utcoffset()
    assert first is not None
    assert second is not None
    return max(first - second, timedelta(0))


def moved_at(wall: datetime) -> datetime:
    """When they show it first, or if they never do, the next minute that they show (CS-112)."""
    while (instant := first_at(wall)) is None:
        wall += _MINUTE
    return instant
