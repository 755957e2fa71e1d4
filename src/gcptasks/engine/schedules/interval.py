"""Schedules that count from the end of the last run: `every 5 minutes`, `every 60 minutes on mon,wed`."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gcptasks.engine.schedules.schedule import Schedule
from gcptasks.engine.schedules.zones import moved_at

EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Interval(Schedule):
    """So long after the last run; the clocks do not matter (CS-110), but for the weekdays.

    Restricted to weekdays (CS-102), what would come on another day waits for the beginning of the next that is one.
    """

    every: timedelta
    weekdays: Set[int]
    zone: ZoneInfo

    @property
    def interval(self) -> timedelta:
        """The time from one run to the next."""
        return self.every

    def _next_after(self, after: datetime) -> datetime:
        at = after.astimezone(UTC).replace(second=0, microsecond=0) + self.every
        if len(self.weekdays) == len(EVERY_DAY):
            return at
        day = at.astimezone(self.zone)
        if day.weekday() in self.weekdays:
            return at
        midnight = day.replace(hour=0, minute=0)
        while midnight.weekday() not in self.weekdays:
            midnight += timedelta(days=1)
        # Clocks may be put back across midnight: after the second of two 23:30 it is the second midnight.
        return moved_at(midnight.replace(fold=day.fold))
