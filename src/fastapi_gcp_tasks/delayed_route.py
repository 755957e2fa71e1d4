"""Routes whose endpoints can be enqueued, and the builders of their classes."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import Request, Response

from fastapi_gcp_tasks.decorators import defaults_of
from fastapi_gcp_tasks.delayed_task import AsyncDelayed, Delayed
from fastapi_gcp_tasks.option_checks import BaseUrl
from fastapi_gcp_tasks.options import TASK_OPTIONS, builder_layer
from fastapi_gcp_tasks.registration import adopt_copy, register, registration_of
from fastapi_gcp_tasks.sender import AsyncSender, Sender
from fastapi_gcp_tasks.task_plans import TaskPlans
from fastapi_gcp_tasks.task_route import TaskRoute, Verify, verification_of
from gcptasks.base.app_checks import add_app_check

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

    from fastapi_gcp_tasks.hooks import DelayedTaskHook


class _SeenByApps(TaskRoute):
    """A route that notices when an app serves it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler. FastAPI asks for it again when a router was included: before 0.137 then, now at a request."""
        if registration := registration_of(self.endpoint):
            registration.task.look_again()
        return super().get_route_handler()


class DelayedRoute(_SeenByApps):
    """A route whose endpoint has `.delay` and `.options`."""

    sender: ClassVar[Sender]

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        super().__init__(path, endpoint, **settings)
        if not adopt_copy(self, settings.get("methods")):
            task = Delayed(TaskPlans(self), self.sender)
            task.settle(defaults_of(endpoint))
            add_app_check(_check_tasks)
            register(self, task, delay=task.delay, delay_many=task.delay_many, options=task.options)


class AsyncDelayedRoute(_SeenByApps):
    """A route whose endpoint has `.delay`, to be awaited, and `.options`."""

    sender: ClassVar[AsyncSender]

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        super().__init__(path, endpoint, **settings)
        if not adopt_copy(self, settings.get("methods")):
            task = AsyncDelayed(TaskPlans(self), self.sender)
            task.settle(defaults_of(endpoint))
            add_app_check(_check_tasks)
            register(self, task, delay=task.delay, delay_many=task.delay_many, options=task.options)


def _check_tasks(app: Any, app_url: str) -> None:
    # Here, as a route need not know of apps to be registered.
    from fastapi_gcp_tasks.task_checks import check_tasks

    check_tasks(app, app_url=app_url)


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
) -> type[DelayedRoute]:
    """A route class for `APIRouter(route_class=...)`: its endpoints get `.delay` and `.options`.

    `callback_base_url` is the URL at which the worker serves the router, the prefixes of outer routers included;
    `base_url` is its older name. A function that returns it is asked at the first call.
    `auto_create_queue` creates each queue when it is first used.
    `verify`: who may call the endpoints, by `verify_oidc` or `verify_secret`. False says that the platform checks, as
    Cloud Run does; without any of them a warning is logged at the first request that nobody verified.
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

    class Route(DelayedRoute):
        verification = verification_of(verify)
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
) -> type[AsyncDelayedRoute]:
    """A route class for `APIRouter(route_class=...)`: its endpoints get `.delay`, to be awaited, and `.options`.

    `callback_base_url` is the URL at which the worker serves the router, the prefixes of outer routers included;
    `base_url` is its older name. A function that returns it is asked at the first call.
    `auto_create_queue` creates each queue when it is first used.
    `verify`: who may call the endpoints, by `verify_oidc` or `verify_secret`. False says that the platform checks, as
    Cloud Run does; without any of them a warning is logged at the first request that nobody verified.
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

    class Route(AsyncDelayedRoute):
        verification = verification_of(verify)
        sender = AsyncSender(options, auto_create_queue=auto_create_queue)

    return Route
