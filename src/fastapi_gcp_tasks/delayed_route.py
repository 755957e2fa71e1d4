"""Routes whose endpoints can be enqueued, and the builders of their classes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from fastapi_gcp_tasks.delayed_task import AsyncDelayed, Delayed
from fastapi_gcp_tasks.option_checks import BaseUrl
from fastapi_gcp_tasks.options import TASK_OPTIONS, builder_layer
from fastapi_gcp_tasks.registered_route import RegisteredRoute
from fastapi_gcp_tasks.registration import Task
from fastapi_gcp_tasks.sender import AsyncSender, Sender
from fastapi_gcp_tasks.task_plans import TaskPlans
from fastapi_gcp_tasks.task_route import Verify, results_of, verification_of

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

    from fastapi_gcp_tasks.hooks import DelayedTaskHook
    from fastapi_gcp_tasks.recorded_endpoint import RecordedEndpoint
    from fastapi_gcp_tasks.task_route import Results
    from gcptasks.worker.recording import LastAttempts


class DelayedRoute(RegisteredRoute):
    """A route whose endpoint has `.delay`, `.submit` and `.options`."""

    sender: ClassVar[Sender]

    def make_task(self) -> tuple[Task, Mapping[str, object]]:
        """What makes tasks of the endpoint, and the attributes that the endpoint gets."""
        task = Delayed(TaskPlans(self), self.sender, _recorded(self))
        return task, task.attributes()

    def last_attempts(self) -> "LastAttempts | None":
        """What knows when the queue gives its tasks up."""
        return self.sender.last_attempts


class AsyncDelayedRoute(RegisteredRoute):
    """A route whose endpoint has `.delay` and `.submit`, to be awaited, and `.options`."""

    sender: ClassVar[AsyncSender]

    def make_task(self) -> tuple[Task, Mapping[str, object]]:
        """What makes tasks of the endpoint, and the attributes that the endpoint gets."""
        task = AsyncDelayed(TaskPlans(self), self.sender, _recorded(self))
        return task, task.attributes()

    def last_attempts(self) -> "LastAttempts | None":
        """What knows when the queue gives its tasks up."""
        return self.sender.last_attempts


def _recorded(route: RegisteredRoute) -> "RecordedEndpoint | None":
    if route.results is None:
        return None
    # Here, as most tasks are not recorded.
    from fastapi_gcp_tasks.recorded_endpoint import RecordedEndpoint

    return RecordedEndpoint(route, route.results)


def DelayedRouteBuilder(
    *,
    queue_path: str,
    callback_base_url: BaseUrl | None = None,
    base_url: BaseUrl | None = None,
    task_create_timeout: float | None = 10.0,
    pre_create_hook: "DelayedTaskHook | None" = None,
    client: "CloudTasksClient | None" = None,
    auto_create_queue: bool = True,
    verify: Verify = None,
    results: "Results" = None,
) -> type[DelayedRoute]:
    """A route class for `APIRouter(route_class=...)`: its endpoints get `.delay` and `.options`.

    `callback_base_url` is the URL at which the worker serves the router, the prefixes of outer routers included;
    `base_url` is its older name. A function that returns it is asked at the first call.
    `auto_create_queue` creates each queue when it is first used.
    `verify`: who may call the endpoints, by `verify_oidc` or `verify_secret`. False says that the platform checks, as
    Cloud Run does; without any of them a warning is logged at the first request that nobody verified.
    `results`: the store of their tasks' records, or a function that makes it when it is first needed; with it they have
    `.submit`, which returns a handle.
    The default client is Google's own, or one for the emulator that CLOUD_TASKS_EMULATOR_HOST names.
    """
    options = builder_layer(
        TASK_OPTIONS,
        {
            "queue_path": queue_path,
            "callback_base_url": callback_base_url,
            "base_url": base_url,
            "task_create_timeout": task_create_timeout,
            "pre_create_hook": pre_create_hook,
            "client": client,
        },
    )
    given = results_of(results, blocks=True)

    class Route(DelayedRoute):
        verification = verification_of(verify)
        results = given
        sender = Sender(options, auto_create_queue=auto_create_queue)

    return Route


def AsyncDelayedRouteBuilder(
    *,
    queue_path: str,
    callback_base_url: BaseUrl | None = None,
    base_url: BaseUrl | None = None,
    task_create_timeout: float | None = 10.0,
    pre_create_hook: "DelayedTaskHook | None" = None,
    client: "CloudTasksAsyncClient | Callable[[], CloudTasksAsyncClient] | None" = None,
    auto_create_queue: bool = False,
    verify: Verify = None,
    results: "Results" = None,
) -> type[AsyncDelayedRoute]:
    """A route class for `APIRouter(route_class=...)`: its endpoints get `.delay`, to be awaited, and `.options`.

    `callback_base_url` is the URL at which the worker serves the router, the prefixes of outer routers included;
    `base_url` is its older name. A function that returns it is asked at the first call.
    `auto_create_queue` creates each queue when it is first used.
    `verify`: who may call the endpoints, by `verify_oidc` or `verify_secret`. False says that the platform checks, as
    Cloud Run does; without any of them a warning is logged at the first request that nobody verified.
    `results`: the store of their tasks' records, or a function that makes it when it is first needed; with it they have
    `.submit`, which returns a handle.
    The default client is Google's own, or one for the emulator that CLOUD_TASKS_EMULATOR_HOST names.

    Each event loop gets a client of its own, made by the first call that is awaited on it: the default client, or the
    one that your factory returns. If you give a client itself, use it on one event loop only.
    """
    options = builder_layer(
        TASK_OPTIONS,
        {
            "queue_path": queue_path,
            "callback_base_url": callback_base_url,
            "base_url": base_url,
            "task_create_timeout": task_create_timeout,
            "pre_create_hook": pre_create_hook,
            "client": client,
        },
    )
    given = results_of(results)

    class Route(AsyncDelayedRoute):
        verification = verification_of(verify)
        results = given
        sender = AsyncSender(options, auto_create_queue=auto_create_queue)

    return Route
