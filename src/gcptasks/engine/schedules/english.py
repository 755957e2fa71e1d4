"""Schedules in App Engine's form: `every 5 minutes`, `1st,third monday of month 04:00`.

    every N minutes|mins|hours [from TIME to TIME | synchronized | on WEEKDAYS]
    every minute|min|hour      [the same]
    every|ORDINALS WEEKDAYS [of MONTHS] [TIME]
    NUMBERS of MONTHS [TIME]

WEEKDAYS is a list, or `day` after `every`. MONTHS is a list, `month` for all of them, `quarter` for the first of each
quarter, or ORDINALS `month of quarter`. Lists are separated by commas. Upper and lower case are the same (CS-103).
"""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from gcptasks.engine.schedules.days import EVERY_MONTH, Days
from gcptasks.engine.schedules.grid import Grid
from gcptasks.engine.schedules.interval import EVERY_DAY, Interval
from gcptasks.engine.schedules.schedule import Schedule
from gcptasks.engine.schedules.wall_times import AtWallTimes, WallTimes
from gcptasks.engine.schedules.words import MONTHS, WEEKDAYS, Unreadable

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_UNITS = {"minutes": _MINUTE, "mins": _MINUTE, "hours": _HOUR}
_ONE = {"minute": _MINUTE, "min": _MINUTE, "hour": _HOUR}
"""The singular goes without a number: `every 1 minute` is refused (CS-085)."""

_NUMBER = re.compile(r"[0-9]{1,8}")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_MIDNIGHT = time(0, 0)

_NUMERALS = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5}
_ORDINALS = _NUMERALS | {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_EVERY_ORDINAL = frozenset(_ORDINALS.values())
_OF_QUARTER = {text: number for text, number in _ORDINALS.items() if number <= 3}
_MONTH_DAYS = {text: day for day in range(1, 32) for text in (str(day), f"{day:02}")}

_IsDay = Callable[[int, int], bool]
"""Whether a day of the month, which is that weekday, belongs to the schedule."""


def read_english(text: str, zone: ZoneInfo) -> Schedule:
    """The schedule that the text names; `Unreadable` if it is none."""
    words = ",".join(part.strip() for part in text.lower().split(",")).split()
    match words:
        case ["every", unit, *rest] if unit in _ONE:
            return _interval(_ONE[unit], rest, zone)
        case ["every", number, unit, *rest] if unit in _UNITS and _NUMBER.fullmatch(number):
            return _interval(int(number) * _UNITS[unit], rest, zone)
        case [numbers, "of", *_]:
            return _at(_month_days(numbers), words[1:], zone)
        case [ordinals, weekdays, *rest]:
            return _at(_weekdays(ordinals, weekdays), rest, zone)
        case _:
            raise Unreadable


def _interval(every: timedelta, rest: Sequence[str], zone: ZoneInfo) -> Schedule:
    if not every:
        raise Unreadable  # (CS-089)
    match rest:
        case []:
            return Interval(every, EVERY_DAY, zone)
        case ["on", weekdays]:
            return Interval(every, _listed(weekdays, WEEKDAYS), zone)
        case ["from", start, "to", end]:
            return Grid(every, _time(start), _time(end), zone)
        case ["synchronized"] if _DAY % every == timedelta(0):
            return Grid(every, _MIDNIGHT, None, zone)
        case _:
            raise Unreadable


def _month_days(numbers: str) -> _IsDay:
    days = _listed(numbers, _MONTH_DAYS)
    return lambda day, weekday: day in days


def _weekdays(ordinals: str, weekdays: str) -> _IsDay:
    """Ordinals of `day` are refused: they could mean the first of the month, or the first of each weekday in it."""
    if (ordinals, weekdays) == ("every", "day"):
        return lambda day, weekday: True
    numbers = _EVERY_ORDINAL if ordinals == "every" else _listed(ordinals, _ORDINALS)
    days = _listed(weekdays, WEEKDAYS)
    return lambda day, weekday: (day + 6) // 7 in numbers and weekday in days


def _at(is_day: _IsDay, rest: Sequence[str], zone: ZoneInfo) -> Schedule:
    months, rest = _months(rest)
    if len(rest) > 1:
        raise Unreadable
    at = _time(rest[0]) if rest else _MIDNIGHT  # (CS-094)
    return AtWallTimes(WallTimes(Days.where(months, is_day), [at.hour], [at.minute]), zone)


def _months(words: Sequence[str]) -> tuple[Set[int], Sequence[str]]:
    """The months, and the words after them; without `of` it is every month (CS-100)."""
    match words:
        case ["of", "month", *rest]:
            return EVERY_MONTH, rest
        case ["of", "quarter", *rest]:
            return {1, 4, 7, 10}, rest
        case ["of", ordinals, "month", "of", "quarter", *rest]:
            numbers = _listed(ordinals, _OF_QUARTER)
            return {first + number for first in (0, 3, 6, 9) for number in numbers}, rest
        case ["of", months, *rest]:
            return _listed(months, MONTHS), rest
        case _:
            return EVERY_MONTH, words


def _listed(text: str, meanings: Mapping[str, int]) -> Set[int]:
    """What the words between commas mean."""
    words = text.split(",")
    if not meanings.keys() >= set(words):
        raise Unreadable
    return {meanings[word] for word in words}


def _time(text: str) -> time:
    found = _TIME.fullmatch(text)
    if found is None:
        raise Unreadable
    return time(int(found[1]), int(found[2]))
