"""The days of a schedule.

Which days of a month they are depends on nothing but the weekday on which it begins, and its length. So there are seven
lists, which are made once.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from datetime import MAXYEAR, date

EVERY_MONTH = frozenset(range(1, 13))

_MONTHS_AHEAD = 41 * 12
"""The rarest day, a fifth weekday of February, comes again after 40 years where a century has no leap day."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days of certain months; what a month does not have is left out (CS-073, CS-098)."""

    months: Set[int]
    in_month: tuple[tuple[int, ...], ...]
    """Ascending, by the weekday of the first of the month; Monday is 0."""

    @classmethod
    def where(cls, months: Set[int], matches: Callable[[int, int], bool]) -> "Days":
        """All days of which `matches(day of the month, weekday)` is true."""
        return cls(
            months,
            tuple(tuple(day for day in range(1, 32) if matches(day, (first + day - 1) % 7)) for first in range(7)),
        )

    def since(self, day: date) -> Iterator[date]:
        """That day and those after it, as far as they belong to the schedule, for some 40 years."""
        earliest = day.day
        this_month = day.year * 12 + day.month - 1
        for number in range(this_month, min(this_month + _MONTHS_AHEAD, (MAXYEAR + 1) * 12)):
            year, month = number // 12, number % 12 + 1
            if month in self.months:
                weekday, length = monthrange(year, month)
                days = self.in_month[weekday]
                for found in days[bisect_left(days, earliest) :]:
                    if found > length:
                        break
                    yield date(year, month, found)
            earliest = 1
