"""PauseJob, ResumeJob, RunJob."""

from datetime import UTC, datetime

import pytest
from google.api_core.exceptions import FailedPrecondition

from conformance.conformance_world import JobApi, has, shown
from conformance.conftest import Opens
from gcptasks.base.events import JobAttemptFailed, JobAttemptStarted, JobAttemptSucceeded
from service.service_world import Place

SCHEDULE_TIME = "X-CloudScheduler-ScheduleTime"


def test_a_paused_job_has_no_next_time(api: JobApi) -> None:
    # CS-050
    before = api.job()
    api.at("2026-10-01 00:10")
    job = api.call("pause_job", name=api.name())
    assert (job.state.name, has(job, "schedule_time"), job.status) == ("PAUSED", False, before.status)
    assert shown(job.user_update_time) == "2026-10-01 00:10:00"
    assert api.fetch() == job


def test_a_job_can_be_paused_while_it_runs(api: JobApi, place: Place) -> None:
    # CS-050
    api.job("0 9 * * *", http_target={"uri": place.url})
    place.gate.clear()
    place.answers(500)
    api.at("2026-10-01 09:00")
    place.received()
    api.call("pause_job", name=api.name())
    place.gate.set()
    assert api.wait(JobAttemptFailed).next_at is None
    job = api.fetch()
    assert (job.state.name, has(job, "schedule_time"), job.status.code) == ("PAUSED", False, 13)


def test_only_an_enabled_job_is_paused_and_only_a_paused_one_resumed(api: JobApi) -> None:
    # CS-051, CS-053
    before = api.job()
    assert api.refuses("resume_job", name=api.name())[0] is FailedPrecondition
    assert api.fetch() == before
    paused = api.call("pause_job", name=api.name())
    assert api.refuses("pause_job", name=api.name())[0] is FailedPrecondition
    assert api.fetch() == paused


def test_a_resumed_job_runs_from_now_on(api: JobApi, place: Place) -> None:
    # CS-052, CS-054
    api.job("0 * * * *", http_target={"uri": place.url})
    api.call("pause_job", name=api.name())
    api.at("2026-10-01 04:30")
    job = api.call("resume_job", name=api.name())
    assert (job.state.name, shown(job.schedule_time)) == ("ENABLED", "2026-10-01 05:00:00")
    api.run_next()
    assert place.received().header(SCHEDULE_TIME) == "2026-09-30T22:00:00-07:00"
    assert place.idle
    assert api.count(JobAttemptStarted) == 1


def test_a_paused_job_is_not_run(api: JobApi) -> None:
    # CS-055
    api.job()
    api.call("pause_job", name=api.name())
    kind, message = api.refuses("run_job", name=api.name())
    assert (kind, "resume it first" in message) == (FailedPrecondition, True)
    assert api.count(JobAttemptStarted) == 0


def test_a_paused_job_can_be_run_where_that_is_chosen(opens: Opens, place: Place) -> None:
    # CS-L10
    api = opens(run_paused_jobs=True)
    api.job("0 9 * * *", http_target={"uri": place.url})
    api.call("pause_job", name=api.name())
    api.call("run_job", name=api.name())
    assert place.received().header(SCHEDULE_TIME) == "2026-10-01T02:00:00-07:00"
    api.wait(JobAttemptSucceeded)
    assert api.fetch().state.name == "PAUSED"


def test_a_forced_run_starts_at_once_beside_others_and_is_not_waited_for(api: JobApi, place: Place) -> None:
    # CS-056, CS-057
    api.job("0 9 * * *", http_target={"uri": place.url})
    place.gate.clear()
    api.at("2026-10-01 09:00")
    place.received()
    for number in range(2):
        job = api.call("run_job", name=api.name())
        assert shown(job.schedule_time) == "2026-10-02 09:00:00"
        place.received()
        assert api.count(JobAttemptSucceeded) == 0, number
    place.gate.set()
    api.wait(JobAttemptSucceeded, 3)


def test_a_forced_run_is_tried_again_as_a_scheduled_one_is(api: JobApi, place: Place) -> None:
    # CS-058, CS-150
    api.job("0 9 * * *", http_target={"uri": place.url}, retry_config={"retry_count": 1})
    place.answers(500)
    api.call("run_job", name=api.name())
    failed = api.wait(JobAttemptFailed)
    assert failed.next_at == datetime(2026, 10, 1, 0, 0, 5, tzinfo=UTC)
    api.at("2026-10-01 00:00:05")
    api.wait(JobAttemptSucceeded)
    assert place.received().header(SCHEDULE_TIME) == place.received().header(SCHEDULE_TIME)


@pytest.mark.parametrize(
    ("schedule", "told"), [("0 0 1 1 *", "2026-12-31T16:00:00-08:00"), ("0 9 * * *", "2026-10-01T02:00:00-07:00")]
)
def test_a_forced_run_is_told_the_next_scheduled_time_and_does_not_use_it_up(
    api: JobApi, place: Place, schedule: str, told: str
) -> None:
    # CS-059, CS-060
    api.job(schedule, http_target={"uri": place.url})
    api.call("run_job", name=api.name())
    api.wait(JobAttemptSucceeded)
    api.run_next()
    assert [place.received().header(SCHEDULE_TIME) for _ in range(2)] == [told, told]


def test_a_forced_run_begins_an_interval_anew(api: JobApi, place: Place) -> None:
    # CS-061
    api.at("2026-10-01 13:40:10")
    api.job("every 5 minutes", http_target={"uri": place.url})
    api.run_next()
    assert shown(api.fetch().schedule_time) == "2026-10-01 13:50:00"
    api.at("2026-10-01 13:48:20")
    api.call("run_job", name=api.name())
    api.wait(JobAttemptSucceeded, 2)
    assert shown(api.fetch().schedule_time) == "2026-10-01 13:53:00"
    api.run_next()
    times = [event.at for event in api.heard.events if isinstance(event, JobAttemptStarted)]
    assert [time.strftime("%H:%M:%S") for time in times] == ["13:45:00", "13:48:20", "13:53:00"]
