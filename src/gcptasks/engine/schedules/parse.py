"""From the text of a schedule to what can be asked for the next time."""

from functools import lru_cache
from zoneinfo import ZoneInfo

from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.schedules.cron import read_cron
from gcptasks.engine.schedules.english import read_english
from gcptasks.engine.schedules.schedule import NOT_VALID, Schedule
from gcptasks.engine.schedules.words import Unreadable
from gcptasks.engine.schedules.zones import open_zone

_LONGEST = 1000
"""Characters; whatever can be said takes less than half of them."""


@lru_cache(maxsize=1024)
def parse_schedule(text: str, time_zone: str) -> Schedule:
    """The schedule that the text means in that zone, UTC if it is empty; `InvalidArgument` in Google's words (CS-063).

    What is read once is remembered, with its zone: changes of the zone database count from the next start on.
    """
    zone = open_zone(time_zone)
    if not text.isascii() or len(text) > _LONGEST:
        raise InvalidArgument(NOT_VALID)
    try:
        return read_cron(text, zone)
    except Unreadable:
        return _english(text, zone)


def _english(text: str, zone: ZoneInfo) -> Schedule:
    try:
        return read_english(text, zone)
    except Unreadable:
        raise InvalidArgument(NOT_VALID) from None
