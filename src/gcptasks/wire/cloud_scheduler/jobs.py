"""Jobs as messages, and what the calls on jobs ask for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import JobName, LocationName, parse_job, parse_location
from gcptasks.engine.job_model import Job, JobRetryConfig, JobState, NewJob
from gcptasks.wire import common, times
from gcptasks.wire.cloud_scheduler import messages
from gcptasks.wire.cloud_scheduler.names import required
from gcptasks.wire.cloud_scheduler.targets import put_target, target
from gcptasks.wire.field_masks import is_path

JobRequest = (
    messages.GetJobRequest
    | messages.DeleteJobRequest
    | messages.PauseJobRequest
    | messages.ResumeJobRequest
    | messages.RunJobRequest
)
"""A request that names a job and says no more."""

_STATES = {JobState.ENABLED: 1, JobState.PAUSED: 2}
_BEYOND_ANY_LIMIT = 1_000_000_000
_OURS = frozenset(["name", "state", "status", "schedule_time", "last_attempt_time", "user_update_time"])
"""Fields that a caller cannot change (CS-019, CS-047)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateJob:
    parent: LocationName
    job: NewJob


@dataclass(frozen=True, slots=True, kw_only=True)
class ListJobs:
    """Which part of which list of jobs is asked for."""

    parent: LocationName
    page_size: int
    """0: as many as the call allows."""
    page_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateJob:
    name: JobName
    job: messages.Job
    """As sent."""
    paths: tuple[str, ...]
    """The fields that change; none: all of them (CS-042)."""


def create_job(request: messages.CreateJobRequest) -> CreateJob:
    """What is asked for; `InvalidArgument` if a name or the parent is none."""
    return CreateJob(parent=parse_location(required(request.parent, request)), job=_new_job(request.job))


def job_name(request: JobRequest) -> JobName:
    """The job that the request names; `InvalidArgument` if that is no job name (CS-012)."""
    return parse_job(required(request.name, request))


def list_jobs(request: messages.ListJobsRequest) -> ListJobs:
    """What is asked for; `InvalidArgument` if the parent is no location."""
    parent = parse_location(required(request.parent, request))
    return ListJobs(parent=parent, page_size=request.page_size, page_token=request.page_token)


def update_job(request: messages.UpdateJobRequest) -> UpdateJob:
    """What is asked for; `InvalidArgument` if the name or a path of the mask is none (CS-039)."""
    name = parse_job(required(request.job.name, request))
    paths = tuple(dict.fromkeys(request.update_mask.paths))
    for path in paths:
        if path != "*" and not is_path(path, messages.Job):
            raise InvalidArgument(f"Invalid mask for Job: {path}")
    return UpdateJob(name=name, job=request.job, paths=() if "*" in paths else paths)


def changed(job: Job, update: UpdateJob) -> NewJob:
    """The job as the update asks for it: what the mask does not name stays (CS-041)."""
    if not update.paths:
        return _new_job(update.job)
    message = job_message(job)
    kind, http = message.WhichOneof("target"), message.http_target
    if http.HasField("oidc_token") and http.oidc_token.audience == http.uri:
        http.oidc_token.ClearField("audience")  # the default, which goes with the URL (CS-167)
    for path in update.paths:
        if path.partition(".")[0] not in _OURS:
            _take(path, update.job, message)
    if message.WhichOneof("target") != kind and "attempt_deadline" not in update.paths:
        message.ClearField("attempt_deadline")  # its default depends on the target (CS-026, CS-027)
    return _new_job(message)


def _take(path: str, sent: Any, message: Any) -> None:
    """Set the field of that path as it was sent; one that was left out takes its default, whatever it is part of."""
    *parents, field = path.split(".")
    for name in parents:
        sent, message = getattr(sent, name), getattr(message, name)
    FieldMask(paths=[field]).MergeMessage(sent, message, True, True)


def job_message(job: Job) -> messages.Job:
    """The job as callers see it; what is not set is left out."""
    message = messages.Job(
        name=str(job.name),
        description=job.description,
        schedule=job.schedule,
        time_zone=job.time_zone,
        state=_STATES[job.state],
    )
    put_target(message, job.target, job.name.location)
    message.status.SetInParent()  # there, and empty, after a success (CS-022)
    message.status.code = job.status_code
    times.put_datetime(message.user_update_time, job.updated_at)
    # While a retry is waited for, its time (CS-118).
    shown_at = job.retry_at or job.next_at
    if shown_at is not None:
        times.put_datetime(message.schedule_time, shown_at)
    if job.last_attempt_at is not None:
        times.put_datetime(message.last_attempt_time, job.last_attempt_at)
    if job.retry_config is not None:
        _put_retry_config(message.retry_config, job.retry_config)
    if job.attempt_deadline is not None:
        times.put_timedelta(message.attempt_deadline, job.attempt_deadline)
    return message


def job_list(jobs: Iterable[Job], next_page_token: str) -> messages.ListJobsResponse:
    """One page of jobs as callers see it."""
    return messages.ListJobsResponse(jobs=map(job_message, jobs), next_page_token=next_page_token)


def _new_job(job: messages.Job) -> NewJob:
    return NewJob(
        name=parse_job(job.name) if job.name else None,
        target=target(job),
        schedule=job.schedule,
        time_zone=job.time_zone,
        description=job.description,
        retry_config=_retry_config(job.retry_config) if job.HasField("retry_config") else None,
        attempt_deadline=_deadline(job.attempt_deadline) if job.HasField("attempt_deadline") else None,
        size=job.ByteSize(),
    )


def _retry_config(message: messages.RetryConfig) -> JobRetryConfig:
    return JobRetryConfig(
        retry_count=message.retry_count,
        max_retry_duration_ns=times.ns_of(message.max_retry_duration),
        min_backoff_ns=times.ns_of(message.min_backoff_duration),
        max_backoff_ns=times.ns_of(message.max_backoff_duration),
        max_doublings=message.max_doublings,
    )


def _put_retry_config(message: messages.RetryConfig, config: JobRetryConfig) -> None:
    message.retry_count = config.retry_count
    # There even when it is zero (CS-025).
    message.max_retry_duration.SetInParent()
    times.put_ns(message.max_retry_duration, config.max_retry_duration_ns)
    times.put_ns(message.min_backoff_duration, config.min_backoff_ns)
    times.put_ns(message.max_backoff_duration, config.max_backoff_ns)
    message.max_doublings = config.max_doublings


def _deadline(message: common.Duration) -> timedelta:
    """The span; one that no `timedelta` can hold becomes one that the rule refuses as well."""
    if abs(message.seconds) > _BEYOND_ANY_LIMIT:
        return timedelta(seconds=_BEYOND_ANY_LIMIT if message.seconds > 0 else -_BEYOND_ANY_LIMIT)
    return timedelta(microseconds=times.ns_of(message) // 1000)
