"""Jobs run at their times, each time once; retries, skipped and missed runs, and what is put right at a start."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.events import ExecutionMissed, ExecutionSkipped, JobAttemptFailed, JobAttemptStarted, ScheduleEnded
from gcptasks.engine.schedules.parse import parse_schedule
from gcptasks.engine.schedules.schedule import Schedule
from gcptasks.service.policy import Policy
from gcptasks.wire.cloud_scheduler import messages
from runtime.runtime_doubles import FullTarget, RecordingTarget
from runtime.runtime_jobs import MINUTE, JobWorld, clock_time, seconds
from runtime.runtime_world import settled

HALF_A_MINUTE = timedelta(seconds=30)


async def test_a_job_runs_at_each_of_its_times() -> None:
    async with JobWorld() as world:
        name = world.job("*/5 * * * *")
        assert world.next_at(name) == "00:05:00"
        await world.pass_time(timedelta(minutes=16))
        assert world.sent_at() == ["00:05:00", "00:10:00", "00:15:00"]
        assert world.next_at(name) == "00:20:00"


async def test_an_attempt_sets_its_time_and_its_end_the_status() -> None:
    # CS-116, CS-022, CS-125, CS-129
    async with JobWorld() as world:
        name = world.job("* * * * *")
        job = world.get(name)
        assert (job.status.code, job.HasField("last_attempt_time")) == (-1, False)
        world.answer(500)
        await world.pass_time(MINUTE)
        job = world.get(name)
        assert (job.status.code, clock_time(job.last_attempt_time.ToDatetime())) == (13, "00:01:00")
        world.answer(204)
        await world.pass_time(MINUTE)
        job = world.get(name)
        assert (job.status.code, job.HasField("status")) == (0, True)


async def test_a_time_that_comes_while_it_runs_is_skipped() -> None:
    # CS-113, CS-114
    async with JobWorld() as world:
        world.job("* * * * *")
        world.target.gate.clear()
        await world.pass_time(timedelta(minutes=3, seconds=30))
        assert world.sent_at() == ["00:01:00"]
        assert [clock_time(one.scheduled_at) for one in world.of(ExecutionSkipped)] == ["00:02:00", "00:03:00"]
        world.target.gate.set()
        await world.pass_time(MINUTE)
        assert world.sent_at() == ["00:01:00", "00:04:00"]


async def test_an_interval_counts_from_the_end_of_the_run_before() -> None:
    # CS-086, CS-087
    async with JobWorld() as world:
        await world.pass_time(HALF_A_MINUTE)
        name = world.job("every 2 minutes")
        assert world.next_at(name) == "00:02:00"
        world.target.gate.clear()
        await world.pass_time(timedelta(minutes=4))
        assert (world.sent_at(), world.of(ExecutionSkipped)) == (["00:02:00"], [])
        world.target.gate.set()
        await world.pass_time(timedelta(seconds=1))
        assert world.next_at(name) == "00:06:00"


async def test_a_forced_run_has_the_next_scheduled_time_and_does_not_use_it_up() -> None:
    # CS-057, CS-059, CS-060
    async with JobWorld() as world:
        name = world.job("*/5 * * * *")
        answered = world.run(name)
        assert clock_time(answered.schedule_time.ToDatetime()) == "00:05:00"
        await world.received(1)
        assert world.sent_at() == ["00:05:00"]
        await world.pass_time(timedelta(minutes=5))
        assert world.sent_at() == ["00:05:00", "00:05:00"]


async def test_a_forced_run_starts_beside_one_that_runs() -> None:
    # CS-056
    async with JobWorld() as world:
        name = world.job("* * * * *")
        world.target.gate.clear()
        await world.pass_time(MINUTE)
        world.run(name)
        world.run(name)
        await world.received(3)
        assert world.target.open == 3


async def test_a_forced_run_restarts_an_interval() -> None:
    # CS-061
    async with JobWorld() as world:
        name = world.job("every 5 minutes")
        await world.pass_time(timedelta(minutes=3, seconds=20))
        world.run(name)
        await world.received(1)
        assert world.next_at(name) == "00:08:00"
        await world.pass_time(timedelta(minutes=5))
        assert world.sent_at() == ["00:05:00", "00:08:00"]


async def test_attempts_are_made_again_as_the_retry_config_says() -> None:
    # CS-134, CS-144, CS-150
    async with JobWorld() as world:
        world.job("0 * * * *", retry_config=messages.RetryConfig(retry_count=5))
        world.answer(503)
        await world.pass_time(timedelta(minutes=65))
        started = [(clock_time(one.at), one.attempt) for one in world.of(JobAttemptStarted)]
        assert started == [
            ("01:00:00", 1),
            ("01:00:05", 2),
            ("01:00:15", 3),
            ("01:00:35", 4),
            ("01:01:15", 5),
            ("01:02:35", 6),
        ]
        assert set(world.sent_at()) == {"01:00:00"}
        assert world.of(JobAttemptFailed)[-1].next_at is None


async def test_a_count_of_none_and_a_window_are_retried_until_the_window_ends() -> None:
    # CS-137, CS-190
    config = messages.RetryConfig(
        max_retry_duration=seconds(30), min_backoff_duration=seconds(4), max_backoff_duration=seconds(10)
    )
    async with JobWorld() as world:
        world.job("0 * * * *", retry_config=config)
        world.answer(500)
        await world.pass_time(timedelta(minutes=62))
        assert [clock_time(one.at) for one in world.of(JobAttemptStarted)] == [
            "01:00:00",
            "01:00:04",
            "01:00:12",
            "01:00:22",
        ]


async def test_the_time_of_a_retry_is_shown_and_success_ends_the_run() -> None:
    # CS-118, CS-148
    async with JobWorld() as world:
        name = world.job("0 * * * *", retry_config=messages.RetryConfig(retry_count=5))
        world.answer(500)
        await world.pass_time(timedelta(minutes=60, seconds=1))
        assert world.next_at(name) == "01:00:05"
        world.answer(200)
        await world.pass_time(MINUTE)
        assert world.next_at(name) == "02:00:00"
        assert len(world.target.sent) == 2


async def test_retries_end_at_the_next_scheduled_time() -> None:
    # CS-149
    async with JobWorld() as world:
        world.job("* * * * *", retry_config=messages.RetryConfig(retry_count=5))
        world.answer(500)
        await world.pass_time(timedelta(minutes=2))
        assert [clock_time(one.at) for one in world.of(JobAttemptStarted)] == [
            "00:01:00",
            "00:01:05",
            "00:01:15",
            "00:01:35",
            "00:02:00",
        ]


async def test_a_job_that_waits_for_a_retry_is_running() -> None:
    # CS-115
    async with JobWorld() as world:
        config = messages.RetryConfig(max_retry_duration=seconds(3600), min_backoff_duration=seconds(90))
        name = world.job("every 1 minutes", retry_config=config)
        world.answer(500)
        await world.pass_time(timedelta(minutes=2))
        assert (len(world.target.sent), world.next_at(name)) == (1, "00:02:30")


async def test_the_waits_grow_as_measured_where_that_is_chosen() -> None:
    # CS-146, CS-L9
    config = messages.RetryConfig(max_retry_duration=seconds(60), min_backoff_duration=seconds(4), max_doublings=1)
    async with JobWorld(policy=Policy(measured_growth=True)) as world:
        world.job("0 * * * *", retry_config=config)
        world.answer(500)
        await world.pass_time(timedelta(minutes=62))
        started = [one.at for one in world.of(JobAttemptStarted)]
        gaps = [int((later - earlier).total_seconds()) for earlier, later in pairwise(started)]
        assert gaps == [4, 8, 10, 12, 14]


@pytest.mark.parametrize("call", ["PauseJob", "DeleteJob"])
async def test_pausing_or_deleting_a_job_ends_its_retries(call: str) -> None:
    # CS-037, CS-050
    async with JobWorld() as world:
        name = world.job("0 * * * *", retry_config=messages.RetryConfig(retry_count=5))
        world.answer(500)
        await world.pass_time(timedelta(minutes=60, seconds=1))
        request = messages.PauseJobRequest(name=name) if call == "PauseJob" else messages.DeleteJobRequest(name=name)
        world.call(call, request)
        await world.pass_time(timedelta(minutes=5))
        assert len(world.target.sent) == 1


@pytest.mark.parametrize("call", ["PauseJob", "DeleteJob"])
async def test_what_is_under_way_goes_on_when_its_job_is_paused_or_deleted(call: str) -> None:
    # CS-037, CS-050
    async with JobWorld() as world:
        name = world.job("* * * * *", retry_config=messages.RetryConfig(retry_count=5))
        world.target.gate.clear()
        world.answer(500)
        await world.pass_time(MINUTE)
        request = messages.PauseJobRequest(name=name) if call == "PauseJob" else messages.DeleteJobRequest(name=name)
        world.call(call, request)
        world.target.gate.set()
        await world.pass_time(timedelta(minutes=3))
        assert len(world.target.sent) == 1
        if call == "PauseJob":
            job = world.get(name)
            assert (job.state, job.status.code, job.HasField("schedule_time")) == (2, 13, False)


@pytest.mark.parametrize(("call", "runs"), [("PauseJob", 2), ("DeleteJob", 0)])
async def test_what_runjob_asked_for_is_run_though_the_job_is_paused_at_once(call: str, runs: int) -> None:
    # CS-050, CS-056
    async with JobWorld() as world:
        name = world.job("0 * * * *", retry_config=messages.RetryConfig(retry_count=5))
        world.answer(500)
        world.run(name)
        world.run(name)
        world.call(call, getattr(messages, f"{call}Request")(name=name))
        await world.pass_time(timedelta(minutes=90))
        assert len(world.target.sent) == runs


async def test_runs_missed_while_paused_are_not_made_up() -> None:
    # CS-052, CS-054
    async with JobWorld() as world:
        name = world.job("*/10 * * * *")
        world.pause(name)
        await world.pass_time(timedelta(minutes=25))
        job = world.call("ResumeJob", messages.ResumeJobRequest(name=name))
        assert clock_time(job.schedule_time.ToDatetime()) == "00:30:00"
        await world.pass_time(timedelta(minutes=6))
        assert world.sent_at() == ["00:30:00"]


async def test_what_came_while_nobody_ran_jobs_is_not_made_up(tmp_path: Path) -> None:
    # CS-L11
    world = JobWorld(tmp_path / "jobs.db")
    async with world:
        world.job("*/10 * * * *")
        world.job("every 7 minutes", "interval")
    world.clock.advance(timedelta(minutes=35, seconds=1))
    world.open()
    async with world:
        await world.pass_time(timedelta(seconds=5))
        assert world.target.sent == []
        missed = {one.job.job: clock_time(one.scheduled_at) for one in world.of(ExecutionMissed)}
        assert missed == {"j": "00:10:00", "interval": "00:07:00"}
        assert world.next_at("projects/p/locations/l/jobs/j") == "00:40:00"
        assert world.next_at("projects/p/locations/l/jobs/interval") == "00:42:00"


@pytest.mark.parametrize(("retries", "sent"), [(0, 1), (2, 2)])
async def test_an_attempt_that_was_cut_off_counts_as_failed(tmp_path: Path, retries: int, sent: int) -> None:
    world = JobWorld(tmp_path / "jobs.db")
    await world.scheduler.start()
    name = world.job("*/10 * * * *", retry_config=messages.RetryConfig(retry_count=retries))
    world.target.gate.clear()
    await world.pass_time(timedelta(minutes=10))
    # As a kill leaves it: nobody writes down how the attempt ended.
    await world.scheduler.stop(timedelta(0))
    world.store.close()
    world.open()
    world.target.gate.set()
    async with world:
        await settled()
        (failed,) = world.of(JobAttemptFailed)
        assert (failed.reason, failed.next_at is None) == ("the service ended while it ran", retries == 0)
        assert world.get(name).status.code == 2
        await world.pass_time(MINUTE)
        assert len(world.target.sent) == sent


async def test_an_attempt_that_was_not_sent_is_made_at_the_next_start(tmp_path: Path) -> None:
    world = JobWorld(tmp_path / "jobs.db", target=FullTarget())
    await world.scheduler.start()
    name = world.job("*/10 * * * *")
    world.run(name)
    async with asyncio.timeout(20):
        await world.until(lambda: world.target.open == 1)
    await world.scheduler.stop(timedelta(0))
    world.store.close()
    # Long enough that a scheduled time was missed.
    world.clock.advance(timedelta(minutes=15))
    world.target = RecordingTarget()
    world.open()
    async with world:
        await world.received(1)
        assert world.sent_at() == ["00:10:00"]
        assert world.of(JobAttemptFailed) == []


async def test_what_runjob_asked_for_is_run_though_the_service_ended(tmp_path: Path) -> None:
    world = JobWorld(tmp_path / "jobs.db")
    name = world.job("*/10 * * * *")
    world.run(name)
    world.store.close()
    world.clock.advance(timedelta(minutes=15))
    world.open()
    async with world:
        await world.received(1)


async def test_a_time_that_is_noticed_more_than_a_minute_late_is_missed() -> None:
    async with JobWorld() as world:
        name = world.job("*/5 * * * *")
        world.job("* * * * *", "minutely")
        await settled()
        # A machine that sleeps for an hour.
        world.clock.set(timedelta(minutes=60, seconds=30))
        await settled()
        assert world.sent_at() == ["01:00:00", "01:00:00"]
        assert {clock_time(one.scheduled_at) for one in world.of(ExecutionMissed)} == {"00:05:00", "00:01:00"}
        assert world.next_at(name) == "01:05:00"


async def test_a_clock_that_is_set_back_repeats_no_time() -> None:
    async with JobWorld() as world:
        name = world.job("*/30 * * * *")
        interval = world.job("every 5 minutes", "interval")
        await world.pass_time(timedelta(minutes=61), MINUTE)
        before = len([one for one in world.of(JobAttemptStarted) if one.job.job == "j"])
        world.clock.set(timedelta(hours=-1))
        await settled()
        assert world.next_at(name) == "01:30:00"
        assert world.next_at(interval) == "00:06:00"
        await world.pass_time(timedelta(minutes=88), MINUTE)
        assert len([one for one in world.of(JobAttemptStarted) if one.job.job == "j"]) == before
        await world.pass_time(timedelta(minutes=2), MINUTE)
        assert len([one for one in world.of(JobAttemptStarted) if one.job.job == "j"]) == before + 1


async def test_a_job_without_retries_has_none_though_the_clock_is_set_back_meanwhile() -> None:
    async with JobWorld() as world:
        world.job("0 * * * *")
        world.target.gate.clear()
        world.answer(500)
        await world.pass_time(timedelta(minutes=60), MINUTE)
        world.clock.set(timedelta(minutes=-30))
        world.target.gate.set()
        await world.pass_time(timedelta(minutes=20), MINUTE)
        assert [one.next_at for one in world.of(JobAttemptFailed)] == [None]


async def test_an_interval_of_some_weekdays_waits_for_them_though_the_clock_is_set_back() -> None:
    async with JobWorld() as world:
        # It is a Tuesday.
        name = world.job("every 60 minutes on thu")
        before = world.get(name).schedule_time.ToDatetime()
        world.clock.set(timedelta(minutes=-5))
        await settled()
        assert world.get(name).schedule_time.ToDatetime() == before


async def test_a_job_whose_zone_is_gone_is_run_no_more_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with JobWorld() as world:
        name = world.job("*/5 * * * *", time_zone="Asia/Tokyo")
        world.job("*/5 * * * *", "other")

        def gone(text: str, zone: str) -> Schedule:
            if zone == "Asia/Tokyo":
                raise InvalidArgument
            return parse_schedule(text, zone)

        # A zone database is read once and remembered, by Python as well.
        monkeypatch.setattr("gcptasks.engine.jobs.parse_schedule", gone)
        await world.pass_time(timedelta(minutes=11))
        assert world.sent_at() == ["00:05:00", "00:05:00", "00:10:00"]
        assert [one.job.job for one in world.of(ScheduleEnded)] == ["j"]
        assert not world.get(name).HasField("schedule_time")
        world.run(name)
        await world.received(4)
        monkeypatch.undo()
        job = messages.Job(name=name, time_zone="Europe/Paris")
        request = messages.UpdateJobRequest(job=job, update_mask=FieldMask(paths=["time_zone"]))
        assert clock_time(world.call("UpdateJob", request).schedule_time.ToDatetime()) == "00:15:00"


async def test_a_large_body_is_read_when_it_is_sent() -> None:
    body = b"x" * 100_000
    async with JobWorld() as world:
        world.job("* * * * *", body=body)
        await world.pass_time(MINUTE)
        await world.received(1)
        assert world.target.sent[0].body == body


async def test_many_jobs_of_the_same_minute_all_run() -> None:
    async with JobWorld() as world:
        for number in range(1234):
            world.job("* * * * *", f"j{number}")
        world.clock.advance(MINUTE)
        await world.received(1234)
        assert len({dict(one.headers)["X-CloudScheduler-JobName"] for one in world.target.sent}) == 1234
