"""Schedules that begin anew each day: `every 2 hours from 10:00 to 14:00`, `every 20 minutes synchronized`."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gcptasks.engine.schedules.schedule import Schedule
from gcptasks.engine.schedules.zones import moved_at

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Grid(Schedule):
    """Each day at `start`, and from there in equal steps of real time as long as it is not past `end` (CS-090).

    An `end` before the start is one of the next day, and no `end` goes on until the next day's start. Clock changes do
    not move the steps. If the start or the end does not exist on a day, the next minute takes its place, and if it
    comes twice, the first counts (CS-112).
    """

    step: timedelta
    start: time
    end: time | None
    zone: ZoneInfo

    def _next_after(self, after: datetime) -> datetime:
        yesterday = after.astimezone(self.zone).replace(fold=0) - _DAY
        for day in (yesterday, yesterday + _DAY, yesterday + 2 * _DAY):
            start = self._at(day, self.start)
            if start > after:
                return start
            at = start + ((after - start) // self.step + 1) * self.step
            if self._holds(at, day):
                return at
        return self._at(yesterday + 3 * _DAY, self.start)

    def _holds(self, at: datetime, day: datetime) -> bool:
        if self.end is None:
            return at < self._at(day + _DAY, self.start)
        ends_on = day if self.start <= self.end else day + _DAY
        return at <= self._at(ends_on, self.end)

    def _at(self, day: datetime, wall: time) -> datetime:
        return moved_at(day.replace(hour=wall.hour, minute=wall.minute, second=0, microsecond=0))
