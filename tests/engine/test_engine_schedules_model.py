"""The next times agree with a model that does it the long way.

The model goes from minute to minute of real time, asks what a clock in the zone shows, and looks whether that is to
run. It never asks when a clock will show something, which is what the schedules do.
"""

from bisect import bisect_left
from calendar import monthcalendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from itertools import accumulate, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from gcptasks.engine.schedules.parse import parse_schedule

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SPECIAL = [
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour
    "Antarctica/Troll",  # two hours
    "Asia/Kathmandu",  # no full hours from UTC
    "Pacific/Apia",  # left out a day
    "Africa/Casablanca",  # twice forward and twice back a year
    "America/Scoresbysund",
    "America/Sao_Paulo",  # at midnight, as in the three below
    "Asia/Beirut",
    "America/Havana",
    "America/St_Johns",  # a minute past midnight, until 2011: a Sunday begins twice
    "UTC",
]
ALL = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()


@cache
def clock_changes(zone: str, year: int) -> list[datetime]:
    """The minutes of a year in which clocks in the zone are changed."""
    first = datetime(year, 1, 1, tzinfo=UTC)
    return list(changes(ZoneInfo(zone), first, first + 366 * DAY, DAY))


def changes(zone: ZoneInfo, start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """By steps that become shorter."""
    at = start
    while at < end:
        if at.astimezone(zone).utcoffset() != (at + step).astimezone(zone).utcoffset():
            if step == MINUTE:
                yield at + step
            else:
                yield from changes(zone, at, at + step, max(step / 24, MINUTE))
        at += step


class Moment(NamedTuple):
    zone: str
    at: datetime


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """A zone and a time, more often than not near a change of its clocks."""
    zone = draw(st.sampled_from(SPECIAL) | st.sampled_from(ALL))
    year = draw(st.integers(1975, 2045))
    near = draw(st.sampled_from(clock_changes(zone, year) or [datetime(year, 1, 1, tzinfo=UTC)]))
    minutes = draw(st.integers(-36 * 60, 36 * 60) | st.integers(-150, 150))
    return Moment(zone, near + minutes * MINUTE + draw(st.sampled_from([timedelta(0), timedelta(seconds=30.5)])))


class Field(NamedTuple):
    text: str
    values: frozenset[int]


@st.composite
def items(draw: st.DrawFn, low: int, high: int) -> Field:
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    step = draw(st.integers(1, high))
    every_step = frozenset(n for n in range(low, high + 1) if (n - low) % step == 0)
    return draw(
        st.sampled_from(
            [
                Field(f"{first}", frozenset({first})),
                Field(f"{first}/{step}", frozenset({first})),
                Field(f"{first}-{last}", frozenset(n for n in range(low, high + 1) if first <= n <= last)),
                Field(
                    f"{first}-{last}/{step}", frozenset(n for n in range(first, last + 1) if (n - first) % step == 0)
                ),
                Field(f"*/{step}", every_step),
                Field("*", frozenset(range(low, high + 1))),
            ]
        )
    )


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> Field:
    parts = draw(st.lists(items(low, high), min_size=1, max_size=3))
    return Field(",".join(part.text for part in parts), frozenset[int]().union(*(part.values for part in parts)))


STAR = Field("*", frozenset(range(60)))


class Cron(NamedTuple):
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field

    @property
    def text(self) -> str:
        return " ".join(field.text for field in self)

    def on(self, day: date) -> bool:
        if day.month not in self.month.values:
            return False
        by_day = day.day in self.day.values
        by_weekday = day.isoweekday() in self.weekday.values or (day.isoweekday() == 7 and 0 in self.weekday.values)
        if self.day.text.startswith("*") or self.weekday.text.startswith("*"):
            return by_day and by_weekday
        return by_day or by_weekday


def crons(hours: st.SearchStrategy[Field]) -> st.SearchStrategy[Cron]:
    any_day = st.just(STAR)
    return st.builds(
        Cron,
        fields(0, 59),
        hours,
        any_day | fields(1, 31),
        any_day | fields(1, 12),
        any_day | fields(0, 7),
    )


EVERY_MINUTE_OF_SUNDAY = Cron(STAR, Field("*", frozenset(range(24))), STAR, STAR, Field("0", frozenset({0})))
DAILY = Cron(Field("0", frozenset({0})), Field("0,23", frozenset({0, 23})), STAR, STAR, STAR)
SUNDAY_BEGINS_TWICE = Moment("America/St_Johns", datetime(2010, 11, 7, 2, 40, tzinfo=UTC))
"""At 23:10 of Saturday, for the second time: clocks were put back at a minute past midnight."""


def shown(zone: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Each minute, and what clocks in the zone show then, without saying which zone it is."""
    at = start.replace(second=0, microsecond=0)
    while at < end:
        yield at, at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        at += MINUTE


def next_times(text: str, zone: str, after: datetime, end: datetime) -> list[datetime]:
    """All times of the schedule until then, each asked for from the one before."""
    schedule = parse_schedule(text, zone)

    def chain() -> Iterator[datetime]:
        at = schedule.next_after(after)
        while at is not None:
            yield at
            later = schedule.next_after(at)
            assert later is None or later > at
            at = later

    return list(takewhile(lambda at: at < end, chain()))


@given(
    crons(
        st.just(Field("*", frozenset(range(24))))
        | fields(0, 23)
        | fields(0, 3).map(lambda f: Field(f.text.replace("*", "0-3"), f.values))
    ),
    moments(),
)
@example(EVERY_MINUTE_OF_SUNDAY, SUNDAY_BEGINS_TWICE)
@example(DAILY, SUNDAY_BEGINS_TWICE)
def test_cron_runs_at_what_clocks_show(cron: Cron, moment: Moment) -> None:
    """CS-107 to CS-111: what is not shown is left out; what is shown again runs again if all hours do."""
    after, end = moment.at, moment.at + 2 * DAY
    all_hours = len(cron.hour.values) == 24
    before: set[datetime] = set()
    expected: list[datetime] = []
    for at, wall in shown(moment.zone, after - DAY, end):
        matches = cron.on(wall.date()) and wall.hour in cron.hour.values and wall.minute in cron.minute.values
        if at > after and matches and (all_hours or wall not in before):
            expected.append(at)
        before.add(wall)
    assert next_times(cron.text, moment.zone, after, end) == expected


@given(crons(st.just(Field("7", frozenset({7})))), st.dates(date(1970, 1, 1), date(2200, 1, 1)))
def test_cron_runs_on_its_days(cron: Cron, start: date) -> None:
    """Months of any length, leap years and centuries (CS-072, CS-073, CS-082, CS-083)."""
    daily = cron._replace(minute=Field("30", frozenset({30})))
    after, end = datetime.combine(start, time(7, 30), UTC), datetime.combine(start + 800 * DAY, time(0), UTC)
    expected = [after + n * DAY for n in range(1, 800) if cron.on((after + n * DAY).date())]
    assert next_times(daily.text, "UTC", after, end) == expected


ORDINALS = [("1st", "first"), ("2nd", "second"), ("3rd", "third"), ("4th", "fourth"), ("5th", "fifth")]
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MONTHS = [
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
]  # fmt: skip


class Days(NamedTuple):
    text: str
    days: frozenset[tuple[int, int]]
    """Which weekday, Monday being 0, for the how manieth time in the month; or (-1, day of the month)."""


class Months(NamedTuple):
    text: str
    months: frozenset[int]


def some(highest: int, low: int = 0) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(low, highest), min_size=1, max_size=4)


@st.composite
def weekdays(draw: st.DrawFn) -> Days:
    if draw(st.booleans()):
        ordinals, ordinal_text = [0, 1, 2, 3, 4], "every"
    else:
        ordinals = draw(some(4))
        ordinal_text = ",".join(draw(st.sampled_from(ORDINALS[n])) for n in ordinals)
    chosen = draw(some(6))
    texts = [draw(st.sampled_from([WEEKDAYS[n], WEEKDAYS[n][:3]])) for n in chosen]
    return Days(f"{ordinal_text} {','.join(texts)}", frozenset((day, nth) for day in chosen for nth in ordinals))


@st.composite
def month_days(draw: st.DrawFn) -> Days:
    days = draw(some(31, low=1))
    texts = [draw(st.sampled_from([f"{day}", f"{day:02}"])) for day in days]
    return Days(",".join(texts), frozenset((-1, day) for day in days))


@st.composite
def months(draw: st.DrawFn) -> Months:
    chosen = draw(some(12, low=1))
    listed = ",".join(draw(st.sampled_from([MONTHS[n - 1], MONTHS[n - 1][:3]])) for n in chosen)
    nth = draw(some(2))
    of_quarter = ",".join(draw(st.sampled_from(ORDINALS[n])) for n in nth)
    return draw(
        st.sampled_from(
            [
                Months("month", frozenset(range(1, 13))),
                Months("quarter", frozenset({1, 4, 7, 10})),
                Months(f"{of_quarter} month of quarter", frozenset(n for n in range(1, 13) if (n - 1) % 3 in nth)),
                Months(listed, frozenset(chosen)),
            ]
        )
    )


def of_month(year: int, month: int) -> Iterator[tuple[int, set[tuple[int, int]]]]:
    """Each day, and all by which it can be meant; read off a calendar on the wall."""
    weeks = monthcalendar(year, month)
    meant: dict[int, set[tuple[int, int]]] = {}
    for weekday in range(7):
        for nth, day in enumerate(filter(None, (week[weekday] for week in weeks))):
            meant[day] = {(weekday, nth), (-1, day)}
    yield from sorted(meant.items())


@given(weekdays() | month_days(), months(), st.integers(1970, 2200), st.times())
def test_english_days_are_those_of_a_calendar(days: Days, months: Months, year: int, at: time) -> None:
    """CS-095 to CS-100."""
    text = f"{days.text} of {months.text} {at.hour}:{at.minute:02}"
    expected = [
        datetime(each, month, day, at.hour, at.minute, tzinfo=UTC)
        for each in (year, year + 1)
        for month in sorted(months.months)
        for day, meant in of_month(each, month)
        if meant & days.days
    ]
    after, end = datetime(year, 1, 1, tzinfo=UTC) - MINUTE, datetime(year + 2, 1, 1, tzinfo=UTC)
    assert next_times(text, "UTC", after, end) == expected


@given(moments(), st.integers(1, 1500), st.times(), st.times())
def test_a_range_runs_in_steps_from_what_clocks_show(moment: Moment, step: int, start: time, end: time) -> None:
    """CS-090, CS-112: from when the start is shown first, or passed, to when the end is."""
    start, end = time(start.hour, start.minute), time(end.hour, end.minute)
    text = f"every {step} minutes from {start:%H:%M} to {end:%H:%M}"
    assert_steps(moment, step, start, end, text)


@example(SUNDAY_BEGINS_TWICE, 10)
@example(SUNDAY_BEGINS_TWICE, 1)
@given(moments(), st.sampled_from([n for n in range(8, 1441) if 1440 % n == 0]))
def test_synchronized_runs_in_steps_from_midnight(moment: Moment, step: int) -> None:
    """CS-091, CS-112."""
    assert_steps(moment, step, time(0), None, f"every {step} minutes synchronized")


def assert_steps(moment: Moment, step: int, start: time, end: time | None, text: str) -> None:
    until = moment.at + DAY
    minutes = list(shown(moment.zone, moment.at - 2 * DAY, until + 3 * DAY))
    latest = list(accumulate((wall for _, wall in minutes), max))

    def when(day: date, wall: time) -> datetime:
        """When clocks show it first, or something later."""
        return minutes[bisect_left(latest, datetime.combine(day, wall))][0]

    expected: set[datetime] = set()
    first_day = minutes[0][1].date() + DAY
    for day in (first_day + n * DAY for n in range(4)):
        at, tomorrow = when(day, start), when(day + DAY, start)
        last = tomorrow - MINUTE if end is None else when(day if start <= end else day + DAY, end)
        expected.add(at)
        while (at := at + step * MINUTE) <= last:
            expected.add(at)
    assert next_times(text, moment.zone, moment.at, until) == sorted(at for at in expected if moment.at < at < until)


@example(SUNDAY_BEGINS_TWICE, 10, {6})
@given(moments(), st.integers(1, 3000), st.sets(st.integers(0, 6), min_size=1, max_size=6))
def test_an_interval_on_weekdays_waits_for_one(moment: Moment, step: int, allowed: set[int]) -> None:
    """CS-102, CS-110."""
    names = ",".join(WEEKDAYS[n] for n in allowed)
    earliest = moment.at.replace(second=0, microsecond=0) + step * MINUTE
    expected = next(at for at, wall in shown(moment.zone, earliest, earliest + 8 * DAY) if wall.weekday() in allowed)
    assert parse_schedule(f"every {step} minutes on {names}", moment.zone).next_after(moment.at) == expected


@given(moments(), st.integers(1, 10**6), st.sampled_from(["minutes", "mins", "hours"]))
def test_an_interval_does_not_look_at_clocks(moment: Moment, n: int, unit: str) -> None:
    """CS-086, CS-110."""
    step = n * (60 if unit == "hours" else 1) * MINUTE
    found = parse_schedule(f"every {n} {unit}", moment.zone).next_after(moment.at)
    assert found == moment.at.replace(second=0, microsecond=0) + step
