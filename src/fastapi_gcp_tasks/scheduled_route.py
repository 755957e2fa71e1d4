"""Routes whose endpoints run on a schedule, and the builders of their classes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from fastapi_gcp_tasks.builder_clients import AsyncBuilderClients, BuilderClients
from fastapi_gcp_tasks.job_options import JOB_OPTIONS, JobOptions
from fastapi_gcp_tasks.option_checks import BaseUrl
from fastapi_gcp_tasks.options import builder_layer
from fastapi_gcp_tasks.registered_route import RegisteredRoute
from fastapi_gcp_tasks.registration import Task
from fastapi_gcp_tasks.scheduled_task import AsyncScheduled, Scheduled
from fastapi_gcp_tasks.task_plans import TaskPlans
from fastapi_gcp_tasks.task_route import Verify, verification_of
from gcptasks.client.api import SCHEDULER

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient

    from fastapi_gcp_tasks.hooks import ScheduledHook

_BUILDER = "ScheduledRouteBuilder"


class ScheduledRoute(RegisteredRoute):
    """A route whose endpoint has `.scheduler`."""

    options: ClassVar[JobOptions]
    clients: "ClassVar[BuilderClients[CloudSchedulerClient]]"

    def make_task(self) -> tuple[Task, Mapping[str, object]]:
        """What names jobs of the endpoint, and the attributes that the endpoint gets."""
        task = Scheduled(TaskPlans(self), self.clients, self.options)
        return task, {"scheduler": task.scheduler}


class AsyncScheduledRoute(RegisteredRoute):
    """A route whose endpoint has `.scheduler`, whose calls are to be awaited."""

    options: ClassVar[JobOptions]
    clients: "ClassVar[AsyncBuilderClients[CloudSchedulerAsyncClient]]"

    def make_task(self) -> tuple[Task, Mapping[str, object]]:
        """What names jobs of the endpoint, and the attributes that the endpoint gets."""
        task = AsyncScheduled(TaskPlans(self), self.clients, self.options)
        return task, {"scheduler": task.scheduler}


def ScheduledRouteBuilder(
    *,
    location_path: str,
    callback_base_url: BaseUrl | None = None,
    base_url: BaseUrl | None = None,
    job_create_timeout: float | None = 10.0,
    pre_create_hook: "ScheduledHook | None" = None,
    client: "CloudSchedulerClient | None" = None,
    verify: Verify = None,
) -> type[ScheduledRoute]:
    """A route class for `APIRouter(route_class=...)`: its endpoints get `.scheduler`.

    `callback_base_url` is the URL at which the worker serves the router, the prefixes of outer routers included;
    `base_url` is its older name. A function that returns it is asked at the first call.
    `job_create_timeout` is how many seconds a call may take, whatever of the service's it is made of.
    `verify`: who may call the endpoints, by `verify_oidc` or `verify_secret`. False says that the platform checks, as
    Cloud Run does; without any of them a warning is logged at the first request that nobody verified.
    The default client is Google's own, or one for the emulator that CLOUD_SCHEDULER_EMULATOR_HOST names.
    """
    layer = builder_layer(
        JOB_OPTIONS,
        {
            "location_path": location_path,
            "callback_base_url": callback_base_url,
            "base_url": base_url,
            "job_create_timeout": job_create_timeout,
            "pre_create_hook": pre_create_hook,
            "client": client,
        },
    )
    of_builder = BuilderClients(SCHEDULER, _BUILDER)
    of_builder.check(client)

    class Route(ScheduledRoute):
        verification = verification_of(verify)
        options = layer
        clients = of_builder

    return Route


def AsyncScheduledRouteBuilder(
    *,
    location_path: str,
    callback_base_url: BaseUrl | None = None,
    base_url: BaseUrl | None = None,
    job_create_timeout: float | None = 10.0,
    pre_create_hook: "ScheduledHook | None" = None,
    client: "CloudSchedulerAsyncClient | Callable[[], CloudSchedulerAsyncClient] | None" = None,
    verify: Verify = None,
) -> type[AsyncScheduledRoute]:
    """A route class for `APIRouter(route_class=...)`: its endpoints get `.scheduler`, whose calls are to be awaited.

    `callback_base_url` is the URL at which the worker serves the router, the prefixes of outer routers included;
    `base_url` is its older name. A function that returns it is asked at the first call.
    `job_create_timeout` is how many seconds a call may take, whatever of the service's it is made of.
    `verify`: who may call the endpoints, by `verify_oidc` or `verify_secret`. False says that the platform checks, as
    Cloud Run does; without any of them a warning is logged at the first request that nobody verified.
    The default client is Google's own, or one for the emulator that CLOUD_SCHEDULER_EMULATOR_HOST names.

    Each event loop gets a client of its own, made by the first call that is awaited on it: the default client, or the
    one that your factory returns. If you give a client itself, use it on one event loop only.
    """
    layer = builder_layer(
        JOB_OPTIONS,
        {
            "location_path": location_path,
            "callback_base_url": callback_base_url,
            "base_url": base_url,
            "job_create_timeout": job_create_timeout,
            "pre_create_hook": pre_create_hook,
            "client": client,
        },
    )
    of_builder = AsyncBuilderClients(SCHEDULER, _BUILDER)
    of_builder.check(client)

    class Route(AsyncScheduledRoute):
        verification = verification_of(verify)
        options = layer
        clients = of_builder

    return Route
