"""Schedules in cron's form: `*/5 9-17 * JAN-MAR mon,fri`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gcptasks.engine.schedules.days import Days
from gcptasks.engine.schedules.schedule import NOT_VALID
from gcptasks.engine.schedules.wall_times import AtWallTimes, WallTimes
from gcptasks.engine.schedules.words import SHORT_MONTHS, SHORT_WEEKDAYS, Unreadable

_ITEM = re.compile(r"(?:\*|(?P<first>[a-z0-9]+)(?:-(?P<last>[a-z0-9]+))?)(?:/(?P<step>[0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class _Field:
    low: int
    high: int
    names: Mapping[str, int]

    def values(self, text: str) -> frozenset[int]:
        """All that a field matches (CS-077)."""
        return frozenset(value for item in text.split(",") for value in self._item(item))

    def _item(self, text: str) -> range:
        found = _ITEM.fullmatch(text)
        if found is None:
            raise Unreadable
        step = self._step(found["step"])
        if found["first"] is None:
            return range(self.low, self.high + 1, step)  # steps count from the lowest (CS-079)
        first = self._value(found["first"])
        if found["last"] is None:
            return range(first, first + 1)  # and a step has no effect (CS-078)
        last = self._last(first, found["last"])
        if last < first:
            raise Unreadable  # (CS-080)
        return range(first, last + 1, step)

    def _step(self, text: str | None) -> int:
        step = 1 if text is None else int(text)
        if not 1 <= step <= self.high:
            raise Unreadable  # (CS-081)
        return step

    def _value(self, text: str) -> int:
        value = self.names.get(text)
        if value is None:
            value = int(text) if text.isdecimal() and len(text) <= 2 else -1
        if not self.low <= value <= self.high:
            raise Unreadable  # (CS-075)
        return value

    def _last(self, first: int, text: str) -> int:
        """SUN at the end of a range is the seventh day, so that FRI-SUN is one."""
        return 7 if text == "sun" and first else self._value(text)


_MINUTE = _Field(0, 59, {})
_HOUR = _Field(0, 23, {})
_DAY = _Field(1, 31, {})
_MONTH = _Field(1, 12, SHORT_MONTHS)
_WEEKDAY = _Field(0, 7, {name: (number + 1) % 7 for name, number in SHORT_WEEKDAYS.items()})
"""Of cron: both 0 and 7 are Sunday (CS-074)."""


class Cron(AtWallTimes):
    """At the times that five fields match."""

    __slots__ = ()
    never = NOT_VALID


def read_cron(text: str, zone: ZoneInfo) -> Cron:
    """The schedule that the text means; `Unreadable` if it is none."""
    fields = text.lower().split()
    if len(fields) != 5:
        raise Unreadable  # (CS-067 to CS-069)
    minute, hour, day, month, weekday = fields
    times = WallTimes(
        days=_days(day, month, weekday),
        hours=sorted(_HOUR.values(hour)),
        minutes=sorted(_MINUTE.values(minute)),
    )
    return Cron(times, zone)


def _days(day: str, month: str, weekday: str) -> Days:
    """Two restricted fields: either is enough (CS-082). A field that begins with a star is not restricted, but for its
    step: then both must hold (CS-083).
    """
    days = _DAY.values(day)
    weekdays = {(number - 1) % 7 for number in _WEEKDAY.values(weekday)}
    months = _MONTH.values(month)
    if day.startswith("*") or weekday.startswith("*"):
        return Days.where(months, lambda day, weekday: day in days and weekday in weekdays)
    return Days.where(months, lambda day, weekday: day in days or weekday in weekdays)
