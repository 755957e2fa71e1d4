"""Hooks: functions that change a request before it is sent, for sync and async builders alike."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

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

    def run_hooks_in_order(request: R) -> R:
        for each in hooks:
            request = each(request)
        return request

    return run_hooks_in_order


def oidc_delayed_hook(token: "tasks_v2.OidcToken") -> DelayedTaskHook:
    """A hook that sends tasks with an OIDC token: for your own services, such as those on Cloud Run."""

    def put_oidc_token_on_task(request: "tasks_v2.CreateTaskRequest") -> "tasks_v2.CreateTaskRequest":
        request.task.http_request.oidc_token = token
        return request

    return put_oidc_token_on_task


def oidc_scheduled_hook(token: "scheduler_v1.OidcToken") -> ScheduledHook:
    """A hook that sends the requests of jobs with an OIDC token: for your own services, such as those on Cloud Run."""

    def put_oidc_token_on_job(request: "scheduler_v1.CreateJobRequest") -> "scheduler_v1.CreateJobRequest":
        request.job.http_target.oidc_token = token
        return request

    return put_oidc_token_on_job


def oauth_delayed_hook(token: "tasks_v2.OAuthToken") -> DelayedTaskHook:
    """A hook that sends tasks with an OAuth token: for Google's APIs."""

    def put_oauth_token_on_task(request: "tasks_v2.CreateTaskRequest") -> "tasks_v2.CreateTaskRequest":
        request.task.http_request.oauth_token = token
        return request

    return put_oauth_token_on_task


def oauth_scheduled_hook(token: "scheduler_v1.OAuthToken") -> ScheduledHook:
    """A hook that sends the requests of jobs with an OAuth token: for Google's APIs."""

    def put_oauth_token_on_job(request: "scheduler_v1.CreateJobRequest") -> "scheduler_v1.CreateJobRequest":
        request.job.http_target.oauth_token = token
        return request

    return put_oauth_token_on_job


def deadline_delayed_hook(duration: "Duration") -> DelayedTaskHook:
    """A hook that sets how long an attempt of a task may take."""

    def put_deadline_on_task(request: "tasks_v2.CreateTaskRequest") -> "tasks_v2.CreateTaskRequest":
        request.task.dispatch_deadline = duration
        return request

    return put_deadline_on_task


def deadline_scheduled_hook(duration: "Duration") -> ScheduledHook:
    """A hook that sets how long an attempt of a job may take."""

    def put_deadline_on_job(request: "scheduler_v1.CreateJobRequest") -> "scheduler_v1.CreateJobRequest":
        request.job.attempt_deadline = duration
        return request

    return put_deadline_on_job


oidc_task_hook = oidc_delayed_hook
"""The older name of `oidc_delayed_hook`."""
oauth_task_hook = oauth_delayed_hook
"""The older name of `oauth_delayed_hook`."""
