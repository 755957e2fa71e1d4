"""The rules of jobs: made, changed, run, answered.

A job's next scheduled time comes, and an execution begins: its attempts, until one succeeds or no more are made. What
becomes of a job, by what happens to it:

| | enabled | enabled, an execution is not over | paused |
| --- | --- | --- | --- |
| its time comes | an execution begins | skipped (CS-114); an interval waits for the end (CS-087) | |
| RunJob | an execution begins | another begins beside it (CS-056) | refused (CS-055) |
| PauseJob | paused | paused; what is under way or forced goes on, no retry is made (CS-050) | refused (CS-051) |
| ResumeJob | refused (CS-053) | refused | enabled, from now on (CS-052, CS-054) |
| DeleteJob | gone | gone; what is under way goes on, no retry is made (CS-037) | gone |

Each scheduled time is run once at most, whatever the clock does. One that is noticed more than a minute late, as when
the machine slept, is missed and not made up (CS-L11).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from gcptasks.base.errors import FailedPrecondition, InvalidArgument
from gcptasks.base.events import (
    Event,
    ExecutionMissed,
    ExecutionSkipped,
    JobAttemptFailed,
    JobAttemptSucceeded,
    JobRescheduled,
    ScheduleEnded,
)
from gcptasks.base.names import JobName
from gcptasks.engine import app_engine, job_retry, job_targets
from gcptasks.engine.job_delivery import status_code
from gcptasks.engine.job_limits import LARGEST, LONGEST_DESCRIPTION, MAX_DEADLINE, MIN_DEADLINE
from gcptasks.engine.job_model import Execution, Job, JobState, NewJob, PubsubMessage
from gcptasks.engine.model import AppEngineRequest, Reply
from gcptasks.engine.schedules.parse import parse_schedule
from gcptasks.engine.schedules.schedule import Schedule

LATE = timedelta(minutes=1)
"""How late a scheduled time is still run."""

_MICROSECOND = timedelta(microseconds=1)
_HTTP_DEADLINE = timedelta(minutes=3)


def create(new: NewJob, name: JobName, now: datetime) -> Job:
    """The job as it is kept, what was left out filled in; `InvalidArgument` if something is wrong."""
    schedule = parse_schedule(new.schedule, new.time_zone or "UTC")
    _check(new)
    return Job(
        name=name,
        target=job_targets.stored(new.target, name.location.project),
        schedule=new.schedule,
        time_zone=new.time_zone or "UTC",
        description=new.description,
        retry_config=None if new.retry_config is None else job_retry.stored(new.retry_config),
        attempt_deadline=_deadline(new),
        updated_at=now,
        interval=schedule.interval,
        next_at=schedule.first_after(now),
    )


def update(job: Job, new: NewJob, now: datetime) -> Job:
    """The job as it is after the change; `InvalidArgument` if something is wrong.

    Its next time is another only if its schedule or zone is (CS-043). One that is paused stays so (CS-044).
    """
    changed = create(new, job.name, now)
    same_times = (changed.schedule, changed.time_zone) == (job.schedule, job.time_zone)
    return replace(
        changed,
        state=job.state,
        next_at=None if job.state is JobState.PAUSED else (same_times and job.next_at) or changed.next_at,
        last_attempt_at=job.last_attempt_at,
        status_code=job.status_code,
    )


def pause(job: Job, now: datetime) -> Job:
    """The job, run no more; `FailedPrecondition` if it is not enabled (CS-051)."""
    if job.state is not JobState.ENABLED:
        raise FailedPrecondition(f"Job is {job.state}, and only a job that is ENABLED can be paused.")
    return replace(job, state=JobState.PAUSED, updated_at=now, next_at=None, retry_at=None)


def resume(job: Job, now: datetime) -> Job:
    """The job, run again from now on (CS-052); `FailedPrecondition` if it is not paused (CS-053)."""
    if job.state is not JobState.PAUSED:
        raise FailedPrecondition(f"Job is {job.state}, and only a job that is PAUSED can be resumed.")
    return replace(job, state=JobState.ENABLED, updated_at=now, next_at=_schedule(job).first_after(now))


def force(job: Job, now: datetime, *, paused_too: bool) -> tuple[Job, Execution]:
    """The job and its forced execution; `FailedPrecondition` if it is paused, unless `paused_too` (CS-055, CS-L10).

    A plain interval begins anew (CS-061). Otherwise the next scheduled time stays (CS-060).
    """
    if job.state is not JobState.ENABLED and not paused_too:
        raise FailedPrecondition(f"Job is {job.state}, and only a job that is ENABLED can be run: resume it first.")
    execution = Execution(scheduled_at=job.next_at or _next_after(job, now) or now, forced=True)
    if job.interval is not None and job.next_at is not None:
        job = replace(job, next_at=_next_after(job, now))
    return job, execution


@dataclass(frozen=True, slots=True)
class Due:
    """What becomes of a job whose time has come: when it is due next, and the execution that begins, if one does."""

    next_at: datetime | None
    execution: Execution | None
    events: Sequence[Event] = ()


def due(job: Job, now: datetime, *, running: bool, retrying: bool) -> Due:
    """What becomes of a job whose next time has come, and of which an execution may be `running` or wait for a retry.

    Retries end at the next scheduled time (CS-149), but for an interval, which waits for their end (CS-115).
    """
    scheduled_at, events = job.next_at, list[Event]()
    assert scheduled_at is not None
    is_interval = job.interval is not None
    if now - scheduled_at > LATE:
        latest = None if is_interval else _next_after(job, now - LATE)
        if latest is None or latest > now:
            return missed(job, now)
        events.append(ExecutionMissed(job.name, scheduled_at, latest, now))
        scheduled_at = latest
    next_at = _next_after(job, now if is_interval else scheduled_at)
    events += _end_of(job, next_at, now)
    if running or (retrying and is_interval):
        if not is_interval:  # an interval counts from the end, so nothing is left out (CS-087)
            events.append(ExecutionSkipped(job.name, scheduled_at, now))
        return Due(next_at, None, events)
    return Due(next_at, Execution(scheduled_at=scheduled_at), events)


def missed(job: Job, now: datetime) -> Due:
    """What becomes of a job whose next time came while nobody ran it (CS-L11)."""
    assert job.next_at is not None
    next_at = _next_after(job, now)
    return Due(next_at, None, (ExecutionMissed(job.name, job.next_at, next_at, now), *_end_of(job, next_at, now)))


def rechecked(job: Job, now: datetime) -> Due | None:
    """What becomes of a job if the clock may have been set back, or the zone database be another; None if nothing does.

    An interval waits for no longer than from now on. Any other time that is not one of its schedule is another now,
    and one that there was none of may be found. Those that have come already are for `due` or `missed` to decide.
    """
    next_at = _next_after(job, now)
    if next_at is None or job.next_at == next_at:
        return None
    if job.interval is not None and job.next_at is not None:
        return Due(next_at, None) if job.next_at > next_at else None
    if job.next_at is not None and _next_after(job, job.next_at - _MICROSECOND) == job.next_at:
        return None
    return Due(next_at, None, (JobRescheduled(job.name, next_at, now),))


@dataclass(frozen=True, slots=True)
class Answered:
    """What becomes of a job and its execution when an attempt has ended."""

    job: Job
    retry_at: datetime | None
    """When the execution goes on; None if it is over."""
    events: tuple[Event, ...]
    counts: bool = True
    """Whether the attempt counts against the retries."""


def answered(job: Job, execution: Execution, reply: Reply, now: datetime, *, measured_growth: bool = False) -> Answered:
    """What becomes of both once the attempt that `execution` counts last has ended."""
    job = replace(job, status_code=status_code(reply.status))
    if reply.ok:
        return _over(job, execution, succeeded(job.name, execution, reply, now), now)
    at, number = execution.scheduled_at, execution.attempts
    # A failure of App Engine's own, which is retried whatever the retry config says (CS-153).
    counts = reply.status != 503 or not isinstance(job.target, AppEngineRequest)
    retry_at = _retry_at(job, execution, now, measured_growth, counts=counts)
    reason = reply.reason or f"HTTP status {reply.status}"
    event = JobAttemptFailed(job.name, at, number, reply.status, reason, retry_at, now)
    return _over(job, execution, event, now) if retry_at is None else Answered(job, retry_at, (event,), counts)


def succeeded(name: JobName, execution: Execution, reply: Reply, now: datetime) -> JobAttemptSucceeded:
    """What has happened when an attempt succeeded. Unless the job is an interval, nothing else becomes of it."""
    return JobAttemptSucceeded(name, execution.scheduled_at, execution.attempts, reply.status, now)


def _retry_at(job: Job, execution: Execution, now: datetime, measured_growth: bool, *, counts: bool) -> datetime | None:
    if job.state is not JobState.ENABLED:
        return None
    config = job.retry_config or job_retry.NO_RETRIES
    first_at = execution.first_attempt_at or now
    if counts:
        at = job_retry.next_attempt_at(config, execution.attempts, first_at, now, measured_growth=measured_growth)
    else:
        at = now + job_retry.wait(config, execution.attempts, measured_growth=measured_growth)
    # Retries end at the next scheduled time (CS-149). An interval has none until they end (CS-087).
    ends_at = None if job.interval is not None else job.next_at
    return None if at is not None and ends_at is not None and at >= ends_at else at


def _over(job: Job, execution: Execution, event: Event, now: datetime) -> Answered:
    """The end of an execution: an interval begins anew (CS-087)."""
    if job.interval is None or job.next_at is None or execution.forced:
        return Answered(job, None, (event,))
    # A clock that is set back a little must not come to the same minute again.
    after = execution.scheduled_at if timedelta(0) < execution.scheduled_at - now <= LATE else now
    next_at = _next_after(job, after)
    return Answered(replace(job, next_at=next_at), None, (event, *_end_of(job, next_at, now)))


def _end_of(job: Job, next_at: datetime | None, now: datetime) -> list[Event]:
    """What has happened if it has no next time any more."""
    return [ScheduleEnded(job.name, now)] if next_at is None else []


def _next_after(job: Job, after: datetime) -> datetime | None:
    try:
        return _time_after(job.schedule, job.time_zone, after)
    except InvalidArgument:  # its zone is gone from the zone database since the job was accepted
        return None


@lru_cache(maxsize=256)
def _time_after(schedule: str, time_zone: str, after: datetime) -> datetime | None:
    """Remembered, since thousands of jobs may have the same schedule and be due at the same time."""
    return parse_schedule(schedule, time_zone).next_after(after)


def _schedule(job: Job) -> Schedule:
    return parse_schedule(job.schedule, job.time_zone)


def _check(new: NewJob) -> None:
    if len(new.description) > LONGEST_DESCRIPTION:
        raise InvalidArgument(f"Job.description must be at most {LONGEST_DESCRIPTION} characters long.")
    if new.size > LARGEST:
        raise InvalidArgument(f"A job must be at most 1 MB, and this one has {new.size} bytes.")


def _deadline(new: NewJob) -> timedelta | None:
    sent = new.attempt_deadline
    if isinstance(new.target, PubsubMessage):
        return sent  # not checked (CS-165)
    if isinstance(new.target, AppEngineRequest):
        if sent and not app_engine.MIN_DEADLINE <= sent <= app_engine.MAX_DEADLINE:
            raise InvalidArgument("Job.attemptDeadline must be between [15s, 24h15s].")
        return sent or None  # of none, or of 0, the app decides (CS-184)
    if sent is None:
        return _HTTP_DEADLINE
    if not MIN_DEADLINE <= sent <= MAX_DEADLINE:
        raise InvalidArgument("Job.attemptDeadline must be between [15s, 30m].")
    return sent
