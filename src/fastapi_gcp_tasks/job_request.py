"""From the arguments of `.schedule` to Google's CreateJobRequest."""

from typing import TYPE_CHECKING, Any

from fastapi_gcp_tasks.encode import Plan
from fastapi_gcp_tasks.job_options import JobOptions
from gcptasks.base.http import BODY_METHODS
from gcptasks.engine import job_limits as limits

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import CreateJobRequest, RetryConfig


def job_request(
    plan: Plan, method: str, values: dict[str, Any], *, name: str, schedule: str, options: JobOptions
) -> "CreateJobRequest":
    """The request for a job of that full name that calls the endpoint with these values, as the hook changes it."""
    from google.cloud.scheduler_v1 import CreateJobRequest, HttpMethod, HttpTarget, Job

    path, headers, body = plan.encode(values)
    if plan.check_due is not None:
        plan.check_due(values, None)
    target = HttpTarget(
        uri=f"{options.callback_base_url}{path}",
        http_method=HttpMethod[method],
        headers=dict(headers),
        body=body or b"",
    )
    job = Job(
        name=name,
        http_target=target,
        schedule=schedule,
        time_zone=options.time_zone,
        retry_config=_default_retries() if options.retry_config is None else options.retry_config,
    )
    request = CreateJobRequest(parent=options.location_path, job=job)
    if hook := options.pre_create_hook:
        request = hook(request)
        if not isinstance(request, CreateJobRequest):
            raise TypeError(f"pre_create_hook must return the request: {hook!r} returned {request!r}")
    check_limits(CreateJobRequest.pb(request).job)
    return request


def _default_retries() -> "RetryConfig":
    from google.cloud.scheduler_v1 import RetryConfig
    from google.protobuf.duration_pb2 import Duration

    return RetryConfig(
        retry_count=5,
        min_backoff_duration=Duration(seconds=5),
        max_backoff_duration=Duration(seconds=120),
        max_doublings=5,
    )


def check_limits(job: Any) -> None:
    """Raise ValueError for a job that the service does not take: raw, as it is after the hook."""
    if job.HasField("http_target"):
        _check_target(job.http_target)
        if job.HasField("attempt_deadline"):
            _check_deadline(job.attempt_deadline.ToTimedelta())
    _check_retries(job.retry_config)
    if len(job.description) > limits.LONGEST_DESCRIPTION:
        raise ValueError(f"the description of a job can have {limits.LONGEST_DESCRIPTION} characters at most")
    if (size := job.ByteSize()) > limits.LARGEST:
        raise ValueError(
            f"the job has {size} bytes, and the service takes {limits.LARGEST} at most: "
            "keep the data elsewhere, and pass a reference to it"
        )


def _check_target(target: Any) -> None:
    from google.cloud.scheduler_v1 import HttpMethod

    if len(target.uri) > limits.LONGEST_URL:
        raise ValueError(
            f"the URL of the job has {len(target.uri)} characters, and the service takes {limits.LONGEST_URL} at most: "
            f"{target.uri[:100]}…"
        )
    size = sum(len(name.encode()) + len(value.encode()) for name, value in target.headers.items())
    if size >= limits.LARGEST_HEADERS:
        raise ValueError(f"the headers of the job have {size} bytes, and the service takes less than 80 KB")
    method = HttpMethod(target.http_method).name
    if target.body and target.http_method and method not in BODY_METHODS:
        raise ValueError(
            f"the job has a body, and the service takes one with POST, PUT and PATCH only, not with {method}"
        )


def _check_deadline(deadline: Any) -> None:
    if not limits.MIN_DEADLINE <= deadline <= limits.MAX_DEADLINE:
        raise ValueError(
            f"the attempt deadline must be from {limits.MIN_DEADLINE} to {limits.MAX_DEADLINE}, not {deadline}"
        )


def _check_retries(config: Any) -> None:
    if not 0 <= config.retry_count <= limits.MOST_RETRIES:
        raise ValueError(f"retry_count must be from 0 to {limits.MOST_RETRIES}, not {config.retry_count}")
    if config.max_retry_duration.nanos:
        raise ValueError("max_retry_duration must be whole seconds")
    least, most = config.min_backoff_duration.ToTimedelta(), config.max_backoff_duration.ToTimedelta()
    if least > most and most:
        raise ValueError(f"min_backoff_duration, {least}, must not be more than max_backoff_duration, {most}")
