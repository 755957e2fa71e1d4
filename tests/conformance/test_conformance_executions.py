"""Runs of jobs: when they come, how they end, and what the job shows of that."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from conformance.conformance_world import JobApi, has, shown
from gcptasks.base.events import (
    ExecutionMissed,
    ExecutionSkipped,
    JobAttemptFailed,
    JobAttemptStarted,
    JobAttemptSucceeded,
)
from service.service_world import Place, Worker

SCHEDULE_TIME = "X-CloudScheduler-ScheduleTime"


def skipped(api: JobApi) -> list[str]:
    events = [event for event in api.heard.events if isinstance(event, ExecutionSkipped)]
    return [event.scheduled_at.strftime("%H:%M") for event in events]


def test_a_time_that_comes_while_the_job_runs_is_skipped(api: JobApi, place: Place) -> None:
    # CS-113, CS-114
    api.job("* * * * *", http_target={"uri": place.url})
    place.gate.clear()
    api.at("2026-10-01 00:01")
    api.wait(JobAttemptStarted)
    for number, minute in enumerate(("00:02", "00:03"), 1):
        api.at(f"2026-10-01 {minute}")
        api.heard.nth(number, lambda event: isinstance(event, ExecutionSkipped))
    place.gate.set()
    api.wait(JobAttemptSucceeded)
    assert skipped(api) == ["00:02", "00:03"]
    api.run_next()
    assert [place.received().header(SCHEDULE_TIME) for _ in range(2)] == [
        "2026-09-30T17:01:00-07:00",
        "2026-09-30T17:04:00-07:00",
    ]
    assert place.idle


def test_a_job_that_waits_for_a_retry_is_running_and_shows_the_time_of_the_retry(api: JobApi, place: Place) -> None:
    # CS-115, CS-118
    retries = {"max_retry_duration": timedelta(hours=1), "min_backoff_duration": timedelta(seconds=90)}
    api.job("every 1 minutes", http_target={"uri": place.url}, retry_config=retries)
    place.answers(500)
    api.run_next()
    assert shown(api.fetch().schedule_time) == "2026-10-01 00:02:30"
    api.at("2026-10-01 00:02")
    api.at("2026-10-01 00:02:30")
    api.wait(JobAttemptSucceeded)
    assert shown(api.fetch().schedule_time) == "2026-10-01 00:03:00"
    assert api.count(JobAttemptStarted) == 2


def test_an_attempt_is_shown_by_its_start_and_the_next_run(api: JobApi, place: Place) -> None:
    # CS-116, CS-117 with CS-L4, CS-119 with CS-L11, CS-171
    before = api.job("0 * * * *", http_target={"uri": place.url})
    place.answers(200, **{"X-Answer": "a secret"})
    place.gate.clear()
    api.at("2026-10-01 01:00")
    place.received()
    api.at("2026-10-01 01:00:10")
    place.gate.set()
    api.wait(JobAttemptSucceeded)
    job = api.fetch()
    assert (shown(job.last_attempt_time), shown(job.schedule_time)) == ("2026-10-01 01:00:00", "2026-10-01 02:00:00")
    assert (job.status.code, has(job, "status")) == (0, True)
    assert (job.user_update_time, "secret" in str(job)) == (before.user_update_time, False)
    api.run_next()
    job = api.fetch()
    assert (shown(job.last_attempt_time), shown(job.schedule_time)) == ("2026-10-01 02:00:00", "2026-10-01 03:00:00")
    place.received()
    assert place.idle


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, 0), (201, 0), (204, 0), (299, 0), (300, 2), (304, 2), (400, 3), (401, 16), (403, 7), (404, 5), (409, 2),
        (418, 2), (429, 8), (500, 13), (501, 2), (502, 2), (503, 14), (504, 4), (599, 2),
    ],
)  # fmt: skip
def test_the_status_says_how_the_last_attempt_ended(api: JobApi, place: Place, status: int, code: int) -> None:
    # CS-022, CS-121, CS-125 to CS-129, CS-133
    api.job("0 * * * *", http_target={"uri": place.url})
    place.answers(status)
    api.run_next()
    job = api.fetch()
    assert (job.status.code, has(job, "status")) == (code, True)
    assert shown(job.schedule_time) == "2026-10-01 02:00:00"
    api.run_next()
    assert api.fetch().status.code == 0


def test_no_answer_is_unknown(api: JobApi) -> None:
    # CS-128: nobody listens
    api.job("0 * * * *", http_target={"uri": "http://127.0.0.1:1/"})
    api.run_next()
    assert api.fetch().status.code == 2


def test_a_worker_that_takes_longer_than_the_deadline_has_failed(api: JobApi, place: Place) -> None:
    # CS-123, CS-126
    api.job("0 * * * *", http_target={"uri": place.url})
    api.shorten_deadlines()
    place.gate.clear()
    api.run_next()
    place.gate.set()
    assert api.fetch().status.code == 4


@pytest.mark.parametrize(("answer", "code"), [(200, 0), (500, 13), (404, 5)])
@pytest.mark.parametrize("redirect", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_the_last_answer_counts(
    api: JobApi, worker: Worker, redirect: int, answer: int, code: int
) -> None:
    # CS-122
    first, second = worker.place(), worker.place()
    api.job("0 * * * *", http_target={"uri": first.url, "body": b"x"})
    first.answers(redirect, Location=second.url)
    second.answers(answer)
    api.run_next()
    assert api.fetch().status.code == code
    assert second.received().header("X-CloudScheduler") == "true"


def test_deleting_a_job_ends_its_retries_and_recalls_no_request(api: JobApi, place: Place) -> None:
    # CS-037
    retries = {"retry_count": 5}
    api.job("0 * * * *", http_target={"uri": place.url}, retry_config=retries)
    api.job("0 * * * *", "waiting", http_target={"uri": place.url}, retry_config=retries)
    place.answers(500)
    api.call("run_job", name=api.name("waiting"))
    api.wait(JobAttemptFailed, job_id="waiting")
    place.received()
    api.call("delete_job", name=api.name("waiting"))
    place.gate.clear()
    place.answers(500)
    api.call("run_job", name=api.name())
    place.received()
    api.call("delete_job", name=api.name())
    place.gate.set()
    api.job("* * * * *", "later", http_target={"uri": place.url})
    api.run_next("later")
    assert place.received().header("X-CloudScheduler-JobName") == "later"
    assert (api.count(JobAttemptStarted), api.count(JobAttemptStarted, "waiting")) == (1, 1)
    assert place.idle


def test_the_log_has_a_line_for_the_start_and_the_end_of_an_attempt(
    api: JobApi, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    # CS-130 to CS-132 with CS-L16
    caplog.set_level(logging.DEBUG, "gcptasks")
    api.job("0 * * * *", http_target={"uri": place.url}, retry_config={"retry_count": 1})
    place.answers(500, 500)
    assert api.gaps() == [5]
    api.run_next()
    lines = [(record.levelname, record.message) for record in caplog.records if " attempt " in record.message]
    at, at2 = "2026-10-01T01:00:00+00:00", "2026-10-01T02:00:00+00:00"
    reason = "failed: HTTP status 500"
    assert lines == [
        ("DEBUG", f"job j for {at} attempt 1 started"),
        ("WARNING", f"job j for {at} attempt 1 {reason}; next attempt 2026-10-01T01:00:05+00:00"),
        ("DEBUG", f"job j for {at} attempt 2 started"),
        ("ERROR", f"job j for {at} attempt 2 {reason}; given up"),
        ("DEBUG", f"job j for {at2} attempt 1 started"),
        ("INFO", f"job j for {at2} attempt 1 done with 200"),
    ]


def test_what_came_while_nobody_looked_is_not_made_up(api: JobApi, place: Place) -> None:
    # CS-L11, CS-120 with CS-L18
    api.job("0 * * * *", http_target={"uri": place.url})
    api.at("2026-10-01 03:30")
    missed = api.heard.nth(1, lambda event: isinstance(event, ExecutionMissed))
    assert missed.scheduled_at.hour == 1
    api.run_next()
    assert place.received().header(SCHEDULE_TIME) == "2026-09-30T21:00:00-07:00"
    assert place.idle


def test_two_changes_of_a_job_at_once_are_both_made(api: JobApi) -> None:
    # CS-010 with CS-L6
    api.job()
    with ThreadPoolExecutor(4) as threads:
        changes = [threads.submit(api.update, "description", description=str(number)) for number in range(20)]
        assert [change.result().description for change in changes] == [str(number) for number in range(20)]


def test_a_job_is_never_run_twice_for_a_time(api: JobApi, place: Place) -> None:
    # CS-L11: as the month passes in which clocks go back
    api.at("2026-10-30 00:00")
    api.job("30 */8 * * *", time_zone="Europe/Berlin", http_target={"uri": place.url})
    told = list[datetime]()
    for _ in range(9):
        api.run_next()
        told.append(datetime.fromisoformat(place.received().header(SCHEDULE_TIME) or "").astimezone(UTC))
    assert len(set(told)) == 9
    assert told == sorted(told)
