"""Hooks: functions that change a request before it is sent, for sync and async builders alike."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from fastapi_gcp_tasks import option_checks as check

if TYPE_CHECKING:
    from google.cloud import scheduler_v1, tasks_v2
    from google.protobuf.duration_pb2 import Duration

# Quoted inside, so that the names exist at run time without Google's clients.
DelayedTaskHook: TypeAlias = Callable[["tasks_v2.CreateTaskRequest"], "tasks_v2.CreateTaskRequest"]
"""Takes a CreateTaskRequest and returns it, changed or not, or another one."""
ScheduledHook: TypeAlias = Callable[["scheduler_v1.CreateJobRequest"], "scheduler_v1.CreateJobRequest"]
"""Takes a CreateJobRequest and returns it, changed or not, or another one."""

R = TypeVar("R")


def noop_hook(request: R) -> R:
    """The request as it is."""
    return request


def chained_hook(*hooks: Callable[[R], R]) -> Callable[[R], R]:
    """A hook that runs these hooks one after another, in the order given."""
    for each in hooks:
        check.plain_function("each hook", each)

    def run_hooks_in_order(request: R) -> R:
        for each in hooks:
            request = each(request)
        return request

    return run_hooks_in_order


def oidc_delayed_hook(token: "tasks_v2.OidcToken") -> DelayedTaskHook:
    """A hook that sends tasks with an OIDC token: for your own services, such as those on Cloud Run."""
    _check_token("tasks_v2", "OidcToken", token)

    def put_oidc_token_on_task(request: "tasks_v2.CreateTaskRequest") -> "tasks_v2.CreateTaskRequest":
        _task_of(request, "oidc").http_request.oidc_token = token
        return request

    return put_oidc_token_on_task


def oidc_scheduled_hook(token: "scheduler_v1.OidcToken") -> ScheduledHook:
    """A hook that sends the requests of jobs with an OIDC token: for your own services, such as those on Cloud Run."""
    _check_token("scheduler_v1", "OidcToken", token)

    def put_oidc_token_on_job(request: "scheduler_v1.CreateJobRequest") -> "scheduler_v1.CreateJobRequest":
        _job_of(request, "oidc").http_target.oidc_token = token
        return request

    return put_oidc_token_on_job


def oauth_delayed_hook(token: "tasks_v2.OAuthToken") -> DelayedTaskHook:
    """A hook that sends tasks with an OAuth token: for Google's APIs."""
    _check_token("tasks_v2", "OAuthToken", token)

    def put_oauth_token_on_task(request: "tasks_v2.CreateTaskRequest") -> "tasks_v2.CreateTaskRequest":
        _task_of(request, "oauth").http_request.oauth_token = token
        return request

    return put_oauth_token_on_task


def oauth_scheduled_hook(token: "scheduler_v1.OAuthToken") -> ScheduledHook:
    """A hook that sends the requests of jobs with an OAuth token: for Google's APIs."""
    _check_token("scheduler_v1", "OAuthToken", token)

    def put_oauth_token_on_job(request: "scheduler_v1.CreateJobRequest") -> "scheduler_v1.CreateJobRequest":
        _job_of(request, "oauth").http_target.oauth_token = token
        return request

    return put_oauth_token_on_job


def deadline_delayed_hook(duration: "Duration") -> DelayedTaskHook:
    """A hook that sets how long an attempt of a task may take."""
    _check_duration(duration)

    def put_deadline_on_task(request: "tasks_v2.CreateTaskRequest") -> "tasks_v2.CreateTaskRequest":
        _task_of(request, "deadline").dispatch_deadline = duration
        return request

    return put_deadline_on_task


def deadline_scheduled_hook(duration: "Duration") -> ScheduledHook:
    """A hook that sets how long an attempt of a job may take."""
    _check_duration(duration)

    def put_deadline_on_job(request: "scheduler_v1.CreateJobRequest") -> "scheduler_v1.CreateJobRequest":
        _job_of(request, "deadline").attempt_deadline = duration
        return request

    return put_deadline_on_job


oidc_task_hook = oidc_delayed_hook
"""The older name of `oidc_delayed_hook`."""
oauth_task_hook = oauth_delayed_hook
"""The older name of `oauth_delayed_hook`."""


def _task_of(request: Any, hook: str) -> Any:
    """The task of that request; `TypeError`, with the hook to use, if it is that of a job."""
    try:
        return request.task
    except AttributeError:
        raise TypeError(f"{hook}_delayed_hook is for tasks, and this is a job: use {hook}_scheduled_hook") from None


def _job_of(request: Any, hook: str) -> Any:
    try:
        return request.job
    except AttributeError:
        raise TypeError(f"{hook}_scheduled_hook is for jobs, and this is a task: use {hook}_delayed_hook") from None


def _check_token(service: str, name: str, token: object) -> None:
    """`TypeError` for a token of another kind, or of the other service."""
    kind = getattr(import_module(f"google.cloud.{service}"), name)
    try:
        kind(token)
    except (TypeError, ValueError):
        given = type(token)
        raise TypeError(
            f"token must be an {name} of google.cloud.{service}, not a {given.__name__} of {given.__module__}"
        ) from None


def _check_duration(duration: object) -> None:
    """`TypeError` for seconds as a number, which Google's messages do not take."""
    from google.protobuf.duration_pb2 import Duration

    if not isinstance(duration, Duration | timedelta):
        raise TypeError(f"duration must be a Duration of google.protobuf.duration_pb2, not {duration!r}")
