"""Whatever a client sends as a schedule is either one or is refused, and takes no time to tell.

A text that took long would run into the time limit of a test: no other limit is asserted here.
"""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine_schedules import NO_NEXT_TIME, NOT_VALID
from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.schedules.parse import parse_schedule

WORDS = (
    "every day month quarter of from to on synchronized minute minutes mins hour hours 1st second 3rd fifth monday tue "
    "jan december sun SAT 0 1 5 09 31 60 00 9:00 10:00 23:59 24:00 * / - , */5 5/15 1-5 L W # ? @daily + : ."
)
TOKENS = [*WORDS.split(), " ", "  ", "\t", "\n", "\0"]
ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
UNITS = st.sampled_from(TOKENS)
LIKE_ENGLISH = st.lists(UNITS, max_size=12).map(" ".join)
LIKE_CRON = st.lists(st.lists(UNITS, min_size=1, max_size=4).map("".join), min_size=5, max_size=5).map(" ".join)
CLOSE = st.sampled_from(["every 5 minutes", "1st,third monday of month 04:00", "*/5 9-17 1,15 JAN-MAR mon-fri"])


@st.composite
def nearly(draw: st.DrawFn) -> str:
    """A schedule with a piece put in, in the place of another."""
    text = draw(CLOSE)
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    return text[:start] + draw(UNITS | st.text(max_size=3)) + text[end:]


def first_or_refusal(text: str, zone: str, now: datetime) -> datetime | str:
    try:
        return parse_schedule(text, zone).first_after(now)
    except InvalidArgument as refusal:
        return str(refusal)


@given(LIKE_ENGLISH | LIKE_CRON | nearly() | st.text(), st.sampled_from(ZONES), st.datetimes(timezones=st.just(UTC)))
def test_any_text_is_a_schedule_or_is_refused(text: str, zone: str, now: datetime) -> None:
    first = first_or_refusal(text, zone, now)
    if isinstance(first, str):
        assert first in (NOT_VALID, NO_NEXT_TIME)
    else:
        assert first > now
        assert (first.second, first.microsecond) == (0, 0) or now.year < 1975  # offsets of old had seconds
        assert first.tzinfo is UTC


@given(st.text(), st.text(st.sampled_from("aAeEuUtTcC/._-+0\\\0"), max_size=12))
def test_any_zone_is_one_or_is_refused(any_text: str, like_a_zone: str) -> None:
    for zone in (any_text, like_a_zone, f"Europe/{like_a_zone}", f"{like_a_zone}/Berlin"):
        first = first_or_refusal("0 9 * * *", zone, datetime(2026, 10, 1, tzinfo=UTC))
        assert isinstance(first, datetime) or first == NOT_VALID


@pytest.mark.parametrize(
    "piece", ["0,", "*/", "0-", "mon,", "every ", " ", "1st,", "9", "9:", "of month ", "month of quarter ", "\n", ", "]
)
def test_a_long_text_is_refused_at_once(piece: str) -> None:
    for times in (300, 1_000_000):
        for text in (piece * times, f"every {piece * times}", f"{piece * times} * * * *", f"0 0 {piece * times}"):
            with pytest.raises(InvalidArgument):
                parse_schedule(text, "UTC")


def test_the_longest_schedules_that_make_sense_are_accepted() -> None:
    names = "january,february,march,april,may,june,july,august,september,october,november,december"
    numbers = ",".join(f"{day:02}" for day in range(1, 32))
    weekdays = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"
    minutes, hours = ",".join(map(str, range(60))), ",".join(map(str, range(24)))
    for text in (
        f"{numbers} of {names} 12:34",
        f"first,second,third,fourth,fifth {weekdays} of first,second,third month of quarter 12:34",
        f"{minutes} {hours} {numbers} {','.join(name[:3] for name in names.split(','))} 0,1,2,3,4,5,6,7",
    ):
        parse_schedule(text, "UTC")
