"""Time zones: which there are, and when their clocks show a time.

Where clocks go forward, the times in between do not exist. Where they go back, the times in between come twice.
PEP 495 says how Python tells: `fold` 0 and 1 give the same offset from UTC, unless the time is in such a place. In a
gap the second offset is the larger one, in an overlap the first.
"""

import re
import zoneinfo
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.schedules.schedule import NOT_VALID

_END = re.compile(rb"\n[ -~]*\n\Z")
"""The last line of a zone file, which has the rule for all years to come."""

_MINUTE = timedelta(minutes=1)
_NOTHING = timedelta(0)


def open_zone(name: str) -> ZoneInfo:
    """The zone of that name, UTC if it is empty (CS-023); `InvalidArgument` if there is none (CS-105).

    Upper and lower case differ, but for `utc` (CS-106).
    """
    name = "UTC" if name in ("", "utc") else name
    if name not in _names():
        raise InvalidArgument(NOT_VALID)
    try:
        return _read(name)
    except Exception:  # whatever is wrong with its file: gone, not ours to read, damaged in any place
        raise InvalidArgument(NOT_VALID) from None


@cache
def _names() -> Set[str]:
    """All names of the zone database.

    What `ZoneInfo` finds depends on the machine: other files, directories, any case of letters on some file systems.
    """
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@cache
def _read(name: str) -> ZoneInfo:
    """The zone, from where `ZoneInfo` would take it, but that reads for ever if the end of the file is cut off."""
    places = (Path(directory, name) for directory in zoneinfo.TZPATH)
    found = next((path for path in places if path.is_file()), files("tzdata").joinpath("zoneinfo", name))
    content = found.read_bytes()
    if _END.search(content) is None:
        raise ValueError(f"{name} is cut off")
    return ZoneInfo.from_file(BytesIO(content), name)


def shown_at(wall: datetime) -> datetime | None:
    """When the clocks of its zone show `wall`, in UTC; None if they never do.

    Of a time that comes twice it is the first, or the second if `wall.fold` says so.
    """
    return None if _put_back(wall) < _NOTHING else wall.astimezone(UTC)


def shown_again_at(wall: datetime) -> datetime | None:
    """When they show it for the second time; None if they do not."""
    return wall.replace(fold=1).astimezone(UTC) if _put_back(wall) > _NOTHING else None


def overlap(wall: datetime) -> timedelta:
    """By how much the clocks are put back at a time that comes twice; nothing at any other."""
    return max(_put_back(wall), _NOTHING)


def moved_at(wall: datetime) -> datetime:
    """When they show it, or if they never do, the next minute that they show (CS-112)."""
    while (instant := shown_at(wall)) is None:
        wall += _MINUTE
    return instant


def _put_back(wall: datetime) -> timedelta:
    """By how much clocks are put back around that time; negative if they are put forward."""
    before, after = wall.replace(fold=0).utcoffset(), wall.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    return before - after
