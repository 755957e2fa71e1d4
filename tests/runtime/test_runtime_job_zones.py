"""A zone database that is another at the next start: times follow it, and a zone that is gone stops no other job."""

import zoneinfo
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from gcptasks.base.events import ExecutionMissed, JobRescheduled, ScheduleEnded
from gcptasks.engine import jobs
from gcptasks.engine.schedules import zones
from gcptasks.engine.schedules.parse import parse_schedule
from gcptasks.wire.cloud_scheduler import messages
from runtime.runtime_jobs import MINUTE, JobWorld, clock_time
from runtime.runtime_world import settled

HOUR = timedelta(hours=1)
Replace = Callable[[str | None], None]


@pytest.fixture
def replace_berlin(tmp_path: Path) -> Iterator[Replace]:
    """Puts the rules of another zone in the place of Berlin's, or a damaged file; both count from a start on."""

    def start_with(rules: str | None) -> None:
        region, city = ("", "") if rules is None else rules.split("/")
        data = b"" if rules is None else files(f"tzdata.zoneinfo.{region}").joinpath(city).read_bytes()
        (tmp_path / "Europe" / "Berlin").write_bytes(data)
        forget()

    def forget() -> None:
        """As a process that starts has read nothing."""
        zones._read.cache_clear()  # pyright: ignore[reportPrivateUsage]  # a process of its own for each start is slow
        parse_schedule.cache_clear()
        jobs._time_after.cache_clear()  # pyright: ignore[reportPrivateUsage]

    before = zoneinfo.TZPATH
    (tmp_path / "Europe").mkdir()
    zoneinfo.reset_tzpath([str(tmp_path)])
    start_with("Europe/Berlin")
    yield start_with
    zoneinfo.reset_tzpath(before)
    forget()


async def restart(world: JobWorld) -> None:
    await world.scheduler.stop(timedelta(seconds=5))
    world.store.close()
    world.open()
    await world.scheduler.start()
    await settled()


async def test_a_job_whose_zone_is_gone_is_named_and_stops_no_other(tmp_path: Path, replace_berlin: Replace) -> None:
    async with JobWorld(tmp_path / "jobs.db") as world:
        lost = world.job("* * * * *", "lost", time_zone="Europe/Berlin")
        missed = world.job("*/2 * * * *", "missed", time_zone="Europe/Berlin")
        world.job("every 1 minutes", "interval", time_zone="Asia/Tokyo")
        world.job("* * * * *", "other", time_zone="Asia/Tokyo")
        await world.scheduler.stop(timedelta(seconds=5))
        replace_berlin(None)
        # Its next time was known, and is the last that is.
        await restart(world)
        await world.pass_time(MINUTE)
        ran = {dict(one.headers)["X-CloudScheduler-JobName"] for one in world.target.sent}
        assert ran == {"lost", "interval", "other"}
        assert [one.job.job for one in world.of(ScheduleEnded)] == ["lost"]
        await world.scheduler.stop(timedelta(seconds=5))
        world.clock.advance(2 * MINUTE)
        await restart(world)
        assert {one.job.job for one in world.of(ScheduleEnded)} == {"lost", "missed"}
        assert {one.job.job for one in world.of(ExecutionMissed)} == {"missed", "interval", "other"}
        assert not any(world.get(name).HasField("schedule_time") for name in (lost, missed))
        world.target.sent.clear()
        await world.pass_time(2 * MINUTE)
        assert [dict(one.headers)["X-CloudScheduler-JobName"] for one in world.target.sent] == ["interval", "other"] * 2


async def test_a_job_whose_zone_is_back_runs_again_from_the_next_start_on(
    tmp_path: Path, replace_berlin: Replace
) -> None:
    async with JobWorld(tmp_path / "jobs.db") as world:
        name = world.job("*/10 * * * *", time_zone="Europe/Berlin")
        replace_berlin(None)
        await restart(world)
        await world.pass_time(10 * MINUTE, MINUTE)
        assert not world.get(name).HasField("schedule_time")
        replace_berlin("Europe/Berlin")
        await restart(world)
        assert world.next_at(name) == "00:20:00"
        assert [(one.job.job, one.next_at and clock_time(one.next_at)) for one in world.of(JobRescheduled)] == [
            ("j", "00:20:00")
        ]


async def test_a_job_whose_zone_is_gone_runs_again_once_it_is_given_another(
    tmp_path: Path, replace_berlin: Replace
) -> None:
    async with JobWorld(tmp_path / "jobs.db") as world:
        name = world.job("*/10 * * * *", time_zone="Europe/Berlin")
        replace_berlin(None)
        await restart(world)
        await world.pass_time(10 * MINUTE, MINUTE)
        job = messages.Job(name=name, time_zone="Europe/Paris")
        request = messages.UpdateJobRequest(job=job, update_mask=FieldMask(paths=["time_zone"]))
        world.call("UpdateJob", request)
        await world.pass_time(10 * MINUTE, MINUTE)
        assert world.sent_at() == ["00:10:00", "00:20:00"]


@pytest.mark.parametrize(("rules", "at"), [("Europe/Athens", "07:00:00"), ("Europe/London", "09:00:00")])
async def test_a_zone_that_has_changed_moves_the_next_time_and_neither_loses_nor_doubles_one(
    tmp_path: Path, replace_berlin: Replace, rules: str, at: str
) -> None:
    async with JobWorld(tmp_path / "jobs.db") as world:
        name = world.job("0 9 * * *", time_zone="Europe/Berlin")
        paused = world.job("0 9 * * *", "paused", time_zone="Europe/Berlin")
        world.pause(paused)
        others = [
            world.job("0 9 * * *", "utc"),
            world.job("every 9 hours", "interval", time_zone="Europe/Berlin"),
            world.job("* * * * *", "minutely", time_zone="Europe/Berlin"),
        ]
        before = [world.next_at(other) for other in others]
        assert world.next_at(name) == "08:00:00"
        replace_berlin(rules)
        await restart(world)
        assert world.next_at(name) == at
        assert [world.next_at(other) for other in others] == before
        assert not world.get(paused).HasField("schedule_time")
        assert [one.job.job for one in world.of(JobRescheduled)] == ["j"]
        for other in others:
            world.pause(other)
        await world.pass_time(24 * HOUR, 10 * MINUTE)
        assert world.sent_at() == [at]


async def test_no_time_is_repeated_by_a_clock_that_is_set_back_between_two_starts(tmp_path: Path) -> None:
    async with JobWorld(tmp_path / "jobs.db") as world:
        name = world.job("0 * * * *", time_zone="Europe/Berlin")
        interval = world.job("every 30 minutes", "interval")
        await world.pass_time(60 * MINUTE, MINUTE)
        assert world.next_at(name) == "02:00:00"
        await world.scheduler.stop(timedelta(seconds=5))
        world.clock.set(-HOUR)
        await restart(world)
        assert world.next_at(name) == "02:00:00"
        assert world.next_at(interval) == "00:30:00"
