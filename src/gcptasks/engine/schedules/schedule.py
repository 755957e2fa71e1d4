"""What every schedule can be asked, however it was written."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import ClassVar

from gcptasks.base.errors import InvalidArgument

NOT_VALID = "The provided schedule or timezone are invalid."
"""The words of a refusal (CS-063)."""

NO_NEXT_TIME = "Cannot find next schedule time."
"""The words for an English schedule that can be read and never comes (CS-065)."""


class Schedule(ABC):
    """When a job runs."""

    __slots__ = ()

    never: ClassVar = NO_NEXT_TIME
    """The words of the refusal if it never comes."""

    @property
    def interval(self) -> timedelta | None:
        """Set if runs are counted from the end of the last one (CS-087), as for `every 5 minutes`."""
        return None

    def next_after(self, after: datetime) -> datetime | None:
        """The first time later than `after`, in UTC; None if there is none within some 40 years.

        Of an interval it is `after`, cut to the minute, plus the interval (CS-086).
        """
        try:
            return self._next_after(after)
        except OverflowError:
            return None  # the calendar ends with the year 9999

    def first_after(self, after: datetime) -> datetime:
        """The same for a job that is created or changed: `InvalidArgument` if it never comes (CS-065)."""
        found = self.next_after(after)
        if found is None:
            raise InvalidArgument(self.never)
        return found

    @abstractmethod
    def _next_after(self, after: datetime) -> datetime | None: ...
