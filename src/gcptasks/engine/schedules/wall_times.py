"""Schedules of fixed times: all of cron, and `every monday 09:00`.

The times are those that the clocks of the zone show:

- What they do not show, because they were put forward, is left out (CS-107).
- What they show twice, because they were put back, comes the first time (CS-108, CS-109). A schedule of every hour of
  the day comes both times: it goes by real time, and would pause for an hour otherwise (CS-111).
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gcptasks.engine.schedules.days import Days
from gcptasks.engine.schedules.schedule import Schedule
from gcptasks.engine.schedules.zones import overlap, shown_again_at, shown_at

_HOURS_OF_A_DAY = 24


@dataclass(frozen=True, slots=True)
class WallTimes:
    """Times of certain days: each of these minutes of each of these hours, both ascending."""

    days: Days
    hours: Sequence[int]
    minutes: Sequence[int]

    def after(self, wall: datetime) -> Iterator[datetime]:
        """Those later than `wall`, in its zone."""
        today = wall.date()
        for day in self.days.since(today):
            times = self._later(wall.hour, wall.minute) if day == today else self._all()
            for hour, minute in times:
                yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=wall.tzinfo)

    def _all(self) -> Iterator[tuple[int, int]]:
        return ((hour, minute) for hour in self.hours for minute in self.minutes)

    def _later(self, hour: int, minute: int) -> Iterator[tuple[int, int]]:
        if hour in self.hours:
            for later in self.minutes[bisect_right(self.minutes, minute) :]:
                yield hour, later
        for later in self.hours[bisect_right(self.hours, hour) :]:
            for first in self.minutes:
                yield later, first


@dataclass(frozen=True, slots=True)
class AtWallTimes(Schedule):
    """At fixed times of a zone."""

    times: WallTimes
    zone: ZoneInfo

    def _next_after(self, after: datetime) -> datetime | None:
        wall = after.astimezone(self.zone)
        first = self._first_after(after, wall)
        if len(self.times.hours) < _HOURS_OF_A_DAY:
            return first
        again = self._again_after(after, wall)
        return again if again is not None and (first is None or again < first) else first

    def _first_after(self, after: datetime, wall: datetime) -> datetime | None:
        for found in self.times.after(wall):
            instant = shown_at(found)
            if instant is not None and instant > after:
                return instant
        return None

    def _again_after(self, after: datetime, wall: datetime) -> datetime | None:
        """The first time that comes for the second time.

        That can only be before `_first_after` if `after` itself is a time that comes twice. The first time of all
        others is yet to come, and earlier.
        """
        twice = overlap(wall)
        if not twice:
            return None
        for found in self.times.after(wall - twice):
            if found > wall + twice:
                break
            instant = shown_again_at(found)
            if instant is not None and instant > after:
                return instant
        return None
