"""Schedules and time zones: when a job runs next, and which texts are refused."""

from itertools import groupby, pairwise

import pytest
from google.api_core.exceptions import InvalidArgument

from conformance.conformance_world import JobApi, shown
from engine.engine_schedules import NEVER, NO_SCHEDULES, NO_ZONES, NOT_VALID, TIMES, Times
from gcptasks.base.events import JobAttemptStarted, JobAttemptSucceeded
from service.service_world import Place

BY_CLAUSE = {
    clause: list(examples)
    for clause, examples in groupby(sorted(TIMES, key=lambda times: times.clause[:6]), lambda times: times.clause[:6])
}


@pytest.mark.parametrize("examples", [pytest.param(examples, id=clause) for clause, examples in BY_CLAUSE.items()])
def test_the_next_time_of_a_job_is_the_one_of_google(api: JobApi, examples: list[Times]) -> None:
    # CS-023, CS-043, CS-070, CS-072 to CS-074, CS-076 to CS-083, CS-085, CS-086, CS-088, CS-090 to CS-098, CS-100,
    # CS-102 to CS-104, CS-106 to CS-112, CS-191, CS-193
    for times in examples:
        for before, expected in pairwise([times.created, *times.expected]):
            api.at(before)
            assert api.next_of(times.text, times.zone) == expected + ":00"
            # The same for one that had another schedule before.
            api.job("every 7 hours")
            job = api.update("schedule", "time_zone", schedule=times.text, time_zone=times.zone)
            assert shown(job.schedule_time) == expected + ":00"
            assert (job.schedule, job.time_zone) == (times.text, times.zone or "UTC")
            api.call("delete_job", name=job.name)


def test_a_text_that_is_no_schedule_is_refused(api: JobApi) -> None:
    # CS-063, CS-064, CS-066 to CS-069, CS-075, CS-080, CS-081, CS-084, CS-085, CS-089, CS-092, CS-098, CS-099, CS-101,
    # CS-192
    for text in NO_SCHEDULES:
        assert api.no_job(text) == (InvalidArgument, NOT_VALID), text


def test_a_zone_that_is_not_in_the_database_is_refused(api: JobApi) -> None:
    # CS-063, CS-105
    for zone in NO_ZONES:
        if zone.isprintable() or zone.isascii():  # a lone surrogate is no text for protobuf
            assert api.no_job(time_zone=zone) == (InvalidArgument, NOT_VALID), zone


def test_a_schedule_that_never_comes_is_refused(api: JobApi) -> None:
    # CS-065
    for text, zone, words in NEVER:
        assert api.no_job(text, time_zone=zone) == (InvalidArgument, words), text


def test_an_interval_counts_from_the_end_of_the_run_before(api: JobApi, place: Place) -> None:
    # CS-087: a worker that takes 90 seconds
    api.job("every 1 minutes", http_target={"uri": place.url})
    starts: list[str] = []
    for number in range(1, 4):
        place.gate.clear()
        api.at(api.next_at())
        place.received()
        api.at(api.now.replace(second=30, minute=api.now.minute + 1))
        place.gate.set()
        api.wait(JobAttemptSucceeded, number)
        starts.append(api.wait(JobAttemptStarted, number).at.strftime("%H:%M:%S"))
    assert starts == ["00:01:00", "00:03:00", "00:05:00"]


@pytest.mark.parametrize(
    ("created", "zone", "minutes"),
    [("2026-11-01 04:58", "America/New_York", 125), ("2027-03-14 06:58", "America/New_York", 5)],
)
def test_a_job_of_every_minute_runs_in_every_real_minute(
    api: JobApi, place: Place, created: str, zone: str, minutes: int
) -> None:
    # CS-111: through the hour that comes twice, and past the one that does not come
    api.at(created)
    api.job("* * * * *", time_zone=zone, http_target={"uri": place.url})
    began = api.now
    for _ in range(minutes):
        api.run_next()
    assert (api.now - began).total_seconds() == minutes * 60


def test_a_fixed_time_runs_once_in_the_hour_that_comes_twice(api: JobApi, place: Place) -> None:
    # CS-108, CS-109
    api.at("2026-11-01 00:00")
    api.job("30 1 * * *", time_zone="America/New_York", http_target={"uri": place.url})
    api.run_next()
    assert place.received().header("X-CloudScheduler-ScheduleTime") == "2026-10-31T22:30:00-07:00"
    assert shown(api.fetch().schedule_time) == "2026-11-02 06:30:00"
