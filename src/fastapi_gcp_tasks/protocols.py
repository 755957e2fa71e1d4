"""Types for task endpoints, and the casts that give them."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, cast, overload

from fastapi_gcp_tasks.hooks import DelayedTaskHook, ScheduledHook

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import (
        CloudSchedulerAsyncClient,
        CloudSchedulerClient,
        Job,
        RetryConfig,
    )
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, Task

    from fastapi_gcp_tasks.bulk import BulkResult
    from fastapi_gcp_tasks.option_checks import BaseUrl
    from gcptasks.client.handles import AsyncTaskHandle, TaskHandle

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class _DelayOptions(TypedDict, total=False):
    queue_path: str
    callback_base_url: "BaseUrl"
    base_url: "BaseUrl"
    """The older name of `callback_base_url`."""
    task_create_timeout: float | None
    """Seconds to wait for the service; None waits without a limit."""
    pre_create_hook: DelayedTaskHook | None
    countdown: float | None
    """Seconds from the call until the task is due."""
    schedule_time: datetime | None
    """When the task is due, in place of a countdown; a naive time is taken as UTC. At most 30 days ahead."""
    dispatch_deadline: timedelta | float | None
    """How long an attempt may take, in seconds or as a `timedelta`, from 15 seconds to 30 minutes. None is the
    service's default, 10 minutes."""
    headers: Mapping[str, str]
    """More headers of the request."""
    dependency_arguments: Mapping[str, Any]
    """Values for parameters that the endpoint's dependencies declare, by their names."""
    task_id: str | None
    """The task's own name. A second task of the same name raises `AlreadyExists`, also for some time after the first is
    done."""
    labels: Mapping[str, str]
    """Of the task's record, by which it is found again; the builder must have `results=`."""
    key: str | None
    """For `.submit`: of all calls with the same key one creates a task, and all get its handle."""
    rerun: bool
    """For `.submit` with a key: a task that is done is started anew."""


class DelayOptions(_DelayOptions, total=False):
    """Options of `.options()` on a DelayedRouteBuilder's endpoint."""

    client: "CloudTasksClient | None"


class AsyncDelayOptions(_DelayOptions, total=False):
    """Options of `.options()` on an AsyncDelayedRouteBuilder's endpoint."""

    client: "CloudTasksAsyncClient | Callable[[], CloudTasksAsyncClient] | None"


class TaskDefaultOptions(DelayOptions, total=False):
    """Options of `task_default_options`. For async endpoints they are those of AsyncDelayOptions."""


class _SchedulerOptions(TypedDict, total=False):
    location_path: str
    callback_base_url: "BaseUrl"
    base_url: "BaseUrl"
    """The older name of `callback_base_url`."""
    job_create_timeout: float | None
    """Seconds that a call may take, whatever of the service's it is made of; None waits without a limit."""
    pre_create_hook: ScheduledHook | None
    retry_config: "RetryConfig"
    """When a failed run is tried again; without one 5 times, after 5 seconds first and 120 at most."""
    time_zone: str
    """Whose clock the schedule is for, such as `Europe/Paris`; without one UTC."""
    force: bool
    """Update the job even if nothing changed."""


class SchedulerOptions(_SchedulerOptions, total=False):
    """Options of `.scheduler()` on a ScheduledRouteBuilder's endpoint."""

    client: "CloudSchedulerClient | None"


class AsyncSchedulerOptions(_SchedulerOptions, total=False):
    """Options of `.scheduler()` on an AsyncScheduledRouteBuilder's endpoint."""

    client: "CloudSchedulerAsyncClient | Callable[[], CloudSchedulerAsyncClient] | None"


# The result of an `async def` endpoint is what it returns when it is awaited: hence the overloads.


class _Delay(Protocol[P, R_co]):
    def delay(self, *args: P.args, **kwargs: P.kwargs) -> "Task":
        """Create a task that calls the endpoint with these arguments."""
        ...

    def delay_many(
        self,
        items: Iterable[Mapping[str, Any]],
        *,
        task_ids: Iterable[str] | None = None,
        concurrency: int = 10,
        progress: Callable[[int], None] | None = None,
    ) -> "BulkResult":
        """Create a task for each item, a mapping of the endpoint's arguments; what became of each."""
        ...

    @overload
    def submit(self: "_Delay[P, Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs) -> "TaskHandle[T]":
        """Create a task that calls the endpoint with these arguments, and get its handle."""
        ...

    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> "TaskHandle[R_co]":
        """Create a task that calls the endpoint with these arguments, and get its handle."""
        ...

    @overload
    def handle(self: "_Delay[P, Coroutine[Any, Any, T]]", id: str) -> "TaskHandle[T]":
        """The handle of the task with that id, whoever created it."""
        ...

    @overload
    def handle(self, id: str) -> "TaskHandle[R_co]":
        """The handle of the task with that id, whoever created it."""
        ...


class _AsyncDelay(Protocol[P, R_co]):
    async def delay(self, *args: P.args, **kwargs: P.kwargs) -> "Task":
        """Create a task that calls the endpoint with these arguments."""
        ...

    async def delay_many(
        self,
        items: Iterable[Mapping[str, Any]],
        *,
        task_ids: Iterable[str] | None = None,
        concurrency: int = 10,
        progress: Callable[[int], None] | None = None,
    ) -> "BulkResult":
        """Create a task for each item, a mapping of the endpoint's arguments; what became of each."""
        ...

    @overload
    async def submit(
        self: "_AsyncDelay[P, Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs
    ) -> "AsyncTaskHandle[T]":
        """Create a task that calls the endpoint with these arguments, and get its handle."""
        ...

    @overload
    async def submit(self, *args: P.args, **kwargs: P.kwargs) -> "AsyncTaskHandle[R_co]":
        """Create a task that calls the endpoint with these arguments, and get its handle."""
        ...

    @overload
    def handle(self: "_AsyncDelay[P, Coroutine[Any, Any, T]]", id: str) -> "AsyncTaskHandle[T]":
        """The handle of the task with that id, whoever created it."""
        ...

    @overload
    def handle(self, id: str) -> "AsyncTaskHandle[R_co]":
        """The handle of the task with that id, whoever created it."""
        ...


class _Endpoint(Protocol[P, R_co]):
    @property
    def __name__(self) -> str: ...

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class DelayedTask(_Delay[P, R_co], _Endpoint[P, R_co], Protocol[P, R_co]):
    """An endpoint of a DelayedRouteBuilder."""

    def options(self, **options: Unpack[DelayOptions]) -> _Delay[P, R_co]:
        """The same task, with these options for its calls."""
        ...


class AsyncDelayedTask(_AsyncDelay[P, R_co], _Endpoint[P, R_co], Protocol[P, R_co]):
    """An endpoint of an AsyncDelayedRouteBuilder."""

    def options(self, **options: Unpack[AsyncDelayOptions]) -> _AsyncDelay[P, R_co]:
        """The same task, with these options for its calls."""
        ...


class _Schedule(Protocol[P]):
    def schedule(self, *args: P.args, **kwargs: P.kwargs) -> "Job":
        """Create the job, or update it if something changed. The endpoint gets these arguments at each run."""
        ...

    def delete(self) -> bool:
        """Delete the job; True if there was one, False if not."""
        ...

    def pause(self) -> "Job":
        """Let the job not run until `.resume()`; NotFound if there is none."""
        ...

    def resume(self) -> "Job":
        """Let a paused job run again, from its next time on; NotFound if there is none."""
        ...

    def run(self) -> "Job":
        """Run the job now as well; NotFound if there is none."""
        ...

    def get(self) -> "Job":
        """The job as the service has it; NotFound if there is none."""
        ...


class _AsyncSchedule(Protocol[P]):
    async def schedule(self, *args: P.args, **kwargs: P.kwargs) -> "Job":
        """Create the job, or update it if something changed. The endpoint gets these arguments at each run."""
        ...

    async def delete(self) -> bool:
        """Delete the job; True if there was one, False if not."""
        ...

    async def pause(self) -> "Job":
        """Let the job not run until `.resume()`; NotFound if there is none."""
        ...

    async def resume(self) -> "Job":
        """Let a paused job run again, from its next time on; NotFound if there is none."""
        ...

    async def run(self) -> "Job":
        """Run the job now as well; NotFound if there is none."""
        ...

    async def get(self) -> "Job":
        """The job as the service has it; NotFound if there is none."""
        ...


class ScheduledTask(_Endpoint[P, R_co], Protocol[P, R_co]):
    """An endpoint of a ScheduledRouteBuilder."""

    def scheduler(self, *, name: str, schedule: str, **options: Unpack[SchedulerOptions]) -> _Schedule[P]:
        """The job of that name: `.schedule(...)` creates or updates it, `.delete()` deletes it."""
        ...


class AsyncScheduledTask(_Endpoint[P, R_co], Protocol[P, R_co]):
    """An endpoint of an AsyncScheduledRouteBuilder."""

    def scheduler(self, *, name: str, schedule: str, **options: Unpack[AsyncSchedulerOptions]) -> _AsyncSchedule[P]:
        """The job of that name: `.schedule(...)` creates or updates it, `.delete()` deletes it."""
        ...


def as_delayed_task(endpoint: Callable[P, R]) -> DelayedTask[P, R]:
    """The endpoint as it is, with the type of a DelayedRouteBuilder's endpoint."""
    return cast("DelayedTask[P, R]", endpoint)


def as_async_delayed_task(endpoint: Callable[P, R]) -> AsyncDelayedTask[P, R]:
    """The endpoint as it is, with the type of an AsyncDelayedRouteBuilder's endpoint."""
    return cast("AsyncDelayedTask[P, R]", endpoint)


def as_scheduled_task(endpoint: Callable[P, R]) -> ScheduledTask[P, R]:
    """The endpoint as it is, with the type of a ScheduledRouteBuilder's endpoint."""
    return cast("ScheduledTask[P, R]", endpoint)


def as_async_scheduled_task(endpoint: Callable[P, R]) -> AsyncScheduledTask[P, R]:
    """The endpoint as it is, with the type of an AsyncScheduledRouteBuilder's endpoint."""
    return cast("AsyncScheduledTask[P, R]", endpoint)
