"""Routers whose endpoints run on a schedule, to type checkers too: no cast is needed.

Beside `routers`, since an application without schedules need not load what they take.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from fastapi_gcp_tasks.option_checks import BaseUrl
from fastapi_gcp_tasks.protocols import AsyncScheduledTask, ScheduledTask
from fastapi_gcp_tasks.routers import TaskRouter
from fastapi_gcp_tasks.scheduled_route import AsyncScheduledRouteBuilder, ScheduledRouteBuilder
from fastapi_gcp_tasks.task_route import Verify

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient

    from fastapi_gcp_tasks.hooks import ScheduledHook

P = ParamSpec("P")
R = TypeVar("R")


class MakesScheduled(Protocol):
    """Makes an endpoint a task of a `ScheduledRouter`."""

    def __call__(self, endpoint: Callable[P, R], /) -> ScheduledTask[P, R]: ...


class MakesAsyncScheduled(Protocol):
    """Makes an endpoint a task of an `AsyncScheduledRouter`."""

    def __call__(self, endpoint: Callable[P, R], /) -> AsyncScheduledTask[P, R]: ...


class ScheduledRouter(TaskRouter[MakesScheduled]):
    """An `APIRouter` whose endpoints have `.scheduler`, typed.

    It takes the options of `ScheduledRouteBuilder` and, as `router`, those of `APIRouter`, such as `prefix`.
    """

    def __init__(
        self,
        *,
        location_path: str,
        callback_base_url: BaseUrl | None = None,
        base_url: BaseUrl | None = None,
        job_create_timeout: float | None = 10.0,
        pre_create_hook: "ScheduledHook | None" = None,
        client: "CloudSchedulerClient | None" = None,
        verify: Verify = None,
        **router: Any,
    ) -> None:
        route_class = ScheduledRouteBuilder(
            location_path=location_path,
            callback_base_url=callback_base_url,
            base_url=base_url,
            job_create_timeout=job_create_timeout,
            pre_create_hook=pre_create_hook,
            client=client,
            verify=verify,
        )
        super().__init__(route_class, router)


class AsyncScheduledRouter(TaskRouter[MakesAsyncScheduled]):
    """An `APIRouter` whose endpoints have `.scheduler`, whose calls are to be awaited, typed.

    It takes the options of `AsyncScheduledRouteBuilder` and, as `router`, those of `APIRouter`, such as `prefix`.
    """

    def __init__(
        self,
        *,
        location_path: str,
        callback_base_url: BaseUrl | None = None,
        base_url: BaseUrl | None = None,
        job_create_timeout: float | None = 10.0,
        pre_create_hook: "ScheduledHook | None" = None,
        client: "CloudSchedulerAsyncClient | Callable[[], CloudSchedulerAsyncClient] | None" = None,
        verify: Verify = None,
        **router: Any,
    ) -> None:
        route_class = AsyncScheduledRouteBuilder(
            location_path=location_path,
            callback_base_url=callback_base_url,
            base_url=base_url,
            job_create_timeout=job_create_timeout,
            pre_create_hook=pre_create_hook,
            client=client,
            verify=verify,
        )
        super().__init__(route_class, router)
