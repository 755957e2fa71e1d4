"""What schedules mean: the examples of the contract, and those that follow from it."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.engine_schedules import NEVER, NEW_YORK, NO_SCHEDULES, TIMES, Times
from gcptasks.base.errors import InvalidArgument
from gcptasks.engine.schedules.parse import parse_schedule


def runs(text: str, zone: str, created: str, n: int) -> list[str]:
    """The first n times after a job is created, without seconds where there are none."""
    schedule = parse_schedule(text, zone)
    at: datetime | None = datetime.fromisoformat(created).replace(tzinfo=UTC)
    found: list[str] = []
    while len(found) < n:
        assert at is not None
        at = schedule.next_after(at)
        found.append("never" if at is None else at.isoformat(" ").removesuffix(":00+00:00"))
    return found


@pytest.mark.parametrize(
    "times", [pytest.param(times, id=f"{times.clause} {times.text}".replace("/", "÷")) for times in TIMES]
)
def test_a_schedule_runs_at_its_times(times: Times) -> None:
    assert runs(times.text, times.zone, times.created, len(times.expected)) == times.expected


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("every 5 minutes", timedelta(minutes=5)),
        ("every hour", timedelta(hours=1)),
        ("every 60 mins on mon,wed", timedelta(hours=1)),
        ("every 5 minutes from 10:00 to 14:00", None),
        ("every 5 minutes synchronized", None),
        ("every day 09:00", None),
        ("*/5 * * * *", None),
    ],
)
def test_only_an_interval_counts_from_the_end_of_the_last_run(text: str, interval: timedelta | None) -> None:
    """CS-087."""
    assert parse_schedule(text, "UTC").interval == interval


@pytest.mark.parametrize("text", NO_SCHEDULES)
def test_a_text_that_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:  # in the words of CS-063
        parse_schedule(text, "UTC")
    assert str(refusal.value) == "The provided schedule or timezone are invalid."


@pytest.mark.parametrize(("text", "zone", "words"), NEVER)
def test_a_job_whose_schedule_never_comes_is_refused(text: str, zone: str, words: str) -> None:
    schedule = parse_schedule(text, zone)
    now = datetime(2026, 10, 1, tzinfo=UTC)
    assert schedule.next_after(now) is None
    with pytest.raises(InvalidArgument) as refusal:
        schedule.first_after(now)
    assert str(refusal.value) == words


def test_a_job_gets_its_first_time_when_it_is_created() -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    assert parse_schedule("0 9 * * *", "UTC").first_after(now) == datetime(2026, 10, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ["* * * * *", "0 0 1 1 *", "every day", "every 5 minutes", "every hour synchronized"])
def test_the_end_of_the_calendar_is_no_error(text: str) -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert parse_schedule(text, "Asia/Tokyo").next_after(last) is None
    assert parse_schedule(text, NEW_YORK).next_after(last - timedelta(seconds=1)) is None or "hour" in text
