"""A scheduler whose database fails, that is cut off, or whose jobs change meanwhile: no run is lost or doubled."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from gcptasks.base.errors import StoreError
from gcptasks.base.events import (
    ExecutionMissed,
    ExecutionSkipped,
    JobAttemptFailed,
    JobAttemptStarted,
    JobAttemptSucceeded,
)
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.runtime.dispatcher import Dispatcher
from gcptasks.runtime.leader import Leader
from gcptasks.runtime.leader_lock import LeaderLock
from gcptasks.runtime.targets.target import IsWanted, always
from gcptasks.service import scheduling
from gcptasks.store.writer import NotNow
from gcptasks.wire.cloud_scheduler import messages
from runtime.runtime_doubles import BusyTarget, FullTarget, RecordingTarget, calls, failing
from runtime.runtime_jobs import MINUTE, PARENT, SECOND, JobWorld, clock_time, seconds
from runtime.runtime_world import World, settled

GRACE = timedelta(seconds=5)


async def end_at_once(world: JobWorld) -> None:
    """Leave the file as a kill leaves it, for a scheduler on it that is not started yet."""
    await world.scheduler.stop(timedelta(0))
    world.store.close()
    world.target = RecordingTarget()
    world.open()


@pytest.mark.parametrize("verb", [scheduling.next_due, scheduling.begin])
async def test_a_database_that_fails_for_a_moment_costs_no_run_of_the_minute(
    verb: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with JobWorld() as world:
        full = StoreError("database or disk is full")
        world.store.read = failing(world.store.read, calls(verb), full)  # type: ignore[method-assign]  # a full disk
        world.store.write_unsynced_now = failing(world.store.write_unsynced_now, calls(verb), full)
        for number in range(3):
            world.job("* * * * *", f"j{number}")
        await world.pass_time(3 * MINUTE)
        assert sorted(world.sent_at()) == ["00:01:00"] * 3 + ["00:02:00"] * 3 + ["00:03:00"] * 3
        assert (world.of(ExecutionMissed), world.of(ExecutionSkipped)) == ([], [])
        assert "database or disk is full" in caplog.text


async def test_how_an_attempt_ended_is_written_once_it_can_be_and_the_next_time_is_run() -> None:
    async with JobWorld() as world:
        full = StoreError("database or disk is full")
        world.store.write_unsynced_now = failing(world.store.write_unsynced_now, calls(scheduling.acknowledge), full)
        world.job("* * * * *")
        await world.pass_time(MINUTE)
        assert world.of(JobAttemptSucceeded) == []
        async with asyncio.timeout(20):
            await world.until(lambda: len(world.of(JobAttemptSucceeded)) == 1)
        await world.pass_time(MINUTE)
        assert (world.sent_at(), world.of(ExecutionSkipped)) == (["00:01:00", "00:02:00"], [])


async def test_a_database_that_fails_for_longer_has_the_runs_named_that_were_missed() -> None:
    async with JobWorld() as world:
        name = world.job("* * * * *")
        full = [StoreError("database or disk is full")] * 200
        world.store.write_unsynced_now = failing(world.store.write_unsynced_now, calls(scheduling.begin), *full)
        await world.pass_time(timedelta(minutes=5, seconds=30))
        assert world.sent_at() == ["00:04:00", "00:05:00"]
        missed = [
            (clock_time(one.scheduled_at), one.next_at and clock_time(one.next_at)) for one in world.of(ExecutionMissed)
        ]
        assert missed == [("00:01:00", "00:04:00")]
        assert world.next_at(name) == "00:06:00"


async def test_a_takeover_that_fails_midway_is_finished_later(tmp_path: Path) -> None:
    world = JobWorld(tmp_path / "jobs.db")
    async with world:
        world.job("*/10 * * * *")
    world.clock.advance(15 * MINUTE)
    world.open()
    failures = [StoreError("disk I/O error")] * 3
    world.store.write_unsynced = failing(world.store.write_unsynced, calls(scheduling.skip_missed), *failures)
    async with world:
        await world.pass_time(10 * SECOND)
        assert [clock_time(one.scheduled_at) for one in world.of(ExecutionMissed)] == ["00:10:00"]
        assert world.target.sent == []
        await world.pass_time(5 * MINUTE)
        assert world.sent_at() == ["00:20:00"]


async def test_somebody_else_who_is_writing_only_delays_a_run() -> None:
    async with JobWorld() as world:
        world.store.write_unsynced_now = failing(world.store.write_unsynced_now, calls(scheduling.begin), NotNow())
        world.job("* * * * *")
        await world.pass_time(MINUTE)
        assert world.sent_at() == ["00:01:00"]


async def test_attempts_that_were_cut_off_are_all_ended_though_some_jobs_are_deleted(tmp_path: Path) -> None:
    world = JobWorld(tmp_path / "jobs.db")
    await world.scheduler.start()
    names = [world.job("* * * * *", f"j{number}") for number in range(250)]
    world.target.gate.clear()
    world.clock.advance(MINUTE)
    await world.received(250)
    for name in names[::7]:
        world.call("DeleteJob", messages.DeleteJobRequest(name=name))
    await end_at_once(world)
    async with world:
        await settled()
        left = {name.rsplit("/", 1)[1] for name in names} - {name.rsplit("/", 1)[1] for name in names[::7]}
        assert {one.job.job for one in world.of(JobAttemptFailed)} == left
        # None is taken for running still.
        await world.pass_time(MINUTE)
        await world.received(len(left))
        await settled()
        assert (len(world.target.sent), world.of(ExecutionSkipped)) == (len(left), [])


@pytest.mark.parametrize("call", ["PauseJob", "DeleteJob"])
async def test_an_attempt_that_was_not_sent_is_not_made_if_its_job_is_paused_or_deleted(
    tmp_path: Path, call: str
) -> None:
    world = JobWorld(tmp_path / "jobs.db", target=FullTarget())
    await world.scheduler.start()
    name = world.job("* * * * *")
    world.clock.advance(MINUTE)
    async with asyncio.timeout(20):
        await world.until(lambda: world.target.open == 1)
    request = messages.PauseJobRequest(name=name) if call == "PauseJob" else messages.DeleteJobRequest(name=name)
    world.call(call, request)
    await end_at_once(world)
    async with world:
        world.job("* * * * *", "other")
        await world.pass_time(MINUTE)
        assert [dict(one.headers)["X-CloudScheduler-JobName"] for one in world.target.sent] == ["other"]
        if call == "PauseJob":
            world.call("ResumeJob", messages.ResumeJobRequest(name=name))
            await world.pass_time(MINUTE)
            assert len(world.target.sent) == 3


@pytest.mark.parametrize("call", ["PauseJob", "DeleteJob"])
async def test_an_attempt_that_waits_is_not_made_once_its_job_is_paused_or_deleted(call: str) -> None:
    target = BusyTarget()
    target.gate.clear()
    async with JobWorld(target=target) as world:
        name = world.job("* * * * *")
        world.clock.advance(MINUTE)
        async with asyncio.timeout(20):
            await world.until(lambda: target.open == 1)
        request = messages.PauseJobRequest(name=name) if call == "PauseJob" else messages.DeleteJobRequest(name=name)
        world.call(call, request)
        target.gate.set()
        async with asyncio.timeout(20):
            await world.until(lambda: target.open == 0)
        await settled()
        assert target.sent == []
        if call == "PauseJob":
            world.call("ResumeJob", messages.ResumeJobRequest(name=name))
            await world.pass_time(MINUTE)
            assert len(target.sent) == 1


async def test_the_time_for_retries_begins_with_the_first_attempt_that_was_sent(tmp_path: Path) -> None:
    # CS-136
    config = messages.RetryConfig(max_retry_duration=seconds(30), min_backoff_duration=seconds(20))
    world = JobWorld(tmp_path / "jobs.db", target=FullTarget())
    await world.scheduler.start()
    world.job("0 * * * *", retry_config=config)
    world.clock.advance(60 * MINUTE)
    async with asyncio.timeout(20):
        await world.until(lambda: world.target.open == 1)
    await end_at_once(world)
    world.clock.advance(5 * MINUTE)
    world.events.clear()
    world.answer(500)
    async with world:
        await world.pass_time(MINUTE)
        started = [(clock_time(one.at), one.attempt) for one in world.of(JobAttemptStarted)]
        assert started == [("01:05:00", 1), ("01:05:20", 2)]


async def test_a_retry_that_waits_ends_where_an_update_brings_the_next_time_before_it() -> None:
    # CS-149
    async with JobWorld() as world:
        config = messages.RetryConfig(retry_count=5, min_backoff_duration=seconds(1200))
        name = world.job("0 * * * *", retry_config=config)
        world.answer(500)
        await world.pass_time(61 * MINUTE, MINUTE)
        assert world.next_at(name) == "01:20:00"
        world.answer(200)
        job = messages.Job(name=name, schedule="*/5 * * * *")
        world.call("UpdateJob", messages.UpdateJobRequest(job=job, update_mask=FieldMask(paths=["schedule"])))
        await world.pass_time(20 * MINUTE, MINUTE)
        assert world.sent_at() == ["01:00:00", "01:05:00", "01:10:00", "01:15:00", "01:20:00"]


async def test_a_large_body_goes_with_the_headers_that_were_stored_with_it() -> None:
    large = 200_000
    async with JobWorld() as world:
        first = messages.HttpTarget(uri="http://worker.local/", body=b"a" * large, headers={"Content-Type": "text/a"})
        second = messages.HttpTarget(uri="http://worker.local/", body=b"b" * large, headers={"Content-Type": "text/b"})
        name = f"{PARENT}/jobs/j"
        job = messages.Job(name=name, schedule="* * * * *", http_target=first)
        world.call("CreateJob", messages.CreateJobRequest(parent=PARENT, job=job))
        read = world.store.read

        def updated_before(verb: object, *rest: object, **named: object) -> object:
            if calls(scheduling.large_outgoing)(verb):
                changed = messages.Job(name=name, http_target=second)
                request = messages.UpdateJobRequest(job=changed, update_mask=FieldMask(paths=["http_target"]))
                world.call("UpdateJob", request)
            return read(verb, *rest, **named)  # type: ignore[arg-type]  # whatever it is

        world.store.read = updated_before  # type: ignore[method-assign,assignment]  # a call at that very moment
        await world.pass_time(MINUTE)
        (sent,) = world.target.sent
        assert (dict(sent.headers)["Content-Type"], sent.body) == ("text/b", b"b" * large)


async def test_no_job_begins_while_a_stop_waits_for_a_task() -> None:
    world, tasks = JobWorld(), World(None)
    tasks.target.gate.clear()
    dispatcher = Dispatcher(tasks.store, tasks.target, world.clock)
    leader = Leader(LeaderLock(None), [dispatcher, world.scheduler], world.clock)
    await leader.start()
    world.job("* * * * *")
    tasks.task(tasks.queue())
    await tasks.target.received(1)
    stopping = asyncio.ensure_future(leader.stop(timedelta(seconds=30)))
    await settled()
    world.clock.advance(MINUTE)
    await settled()
    tasks.target.gate.set()
    await stopping
    assert world.target.sent == []
    for store in (world.store, tasks.store):
        store.close()


async def test_a_clock_that_is_set_back_a_little_does_not_repeat_the_minute_of_an_interval() -> None:
    async with JobWorld() as world:
        world.job("every 1 minutes")
        world.target.gate.clear()
        await world.pass_time(MINUTE)
        world.clock.set(timedelta(milliseconds=-300))
        world.target.gate.set()
        await world.pass_time(2 * MINUTE)
        assert world.sent_at() == ["00:01:00", "00:02:00"]


async def test_an_interval_that_is_made_while_the_scheduler_begins_counts_from_then() -> None:
    async with JobWorld() as world:  # which has taken no step yet
        world.clock.advance(MINUTE)
        name = world.job("every 5 minutes")
        await settled()
        assert world.next_at(name) == "00:06:00"


class HangingTarget(RecordingTarget):
    """Never answers what is for the worker that hangs."""

    async def send(self, request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        if request.url == HANGS:
            await asyncio.Event().wait()
        await super().send(request, on_reply)


HANGS = "http://hangs.local/"


@pytest.mark.parametrize(("jobs", "size"), [(2500, 0), (150, 1_000_000)])
async def test_jobs_whose_worker_hangs_leave_room_for_others(jobs: int, size: int) -> None:
    """Places for attempts, and memory for their bodies."""
    async with JobWorld(target=HangingTarget()) as world:
        target = messages.HttpTarget(uri=HANGS, body=b"x" * size)
        for number in range(jobs):
            job = messages.Job(name=f"{PARENT}/jobs/{number}", schedule="* * * * *", http_target=target)
            world.call("CreateJob", messages.CreateJobRequest(parent=PARENT, job=job))
        world.clock.advance(MINUTE)
        async with asyncio.timeout(60):
            await world.until(lambda: len(world.of(JobAttemptStarted)) == jobs)
        world.job("* * * * *", "other", body=b"y" * size)
        world.clock.advance(MINUTE)
        await world.received(1)
        assert world.target.headers(0)["X-CloudScheduler-JobName"] == "other"
        await world.scheduler.stop(timedelta(0))
