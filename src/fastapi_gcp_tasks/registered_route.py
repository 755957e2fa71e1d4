"""Routes that make their endpoints tasks, as they are registered."""

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response

from fastapi_gcp_tasks.decorators import defaults_of
from fastapi_gcp_tasks.registration import Task, adopt_copy, register, registration_of
from fastapi_gcp_tasks.task_route import TaskRoute
from gcptasks.base.app_checks import add_app_check


class RegisteredRoute(TaskRoute):
    """A route that makes its endpoint a task, and notices when an app serves it."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        super().__init__(path, endpoint, **settings)
        if not adopt_copy(self, settings.get("methods")):
            task, attributes = self.make_task()
            task.settle(defaults_of(endpoint))
            add_app_check(_check_tasks)
            register(self, task, **attributes)

    @abstractmethod
    def make_task(self) -> tuple[Task, Mapping[str, object]]:
        """What makes tasks of the endpoint, and the attributes that the endpoint gets."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler. FastAPI asks for it again when a router was included: before 0.137 then, now at a request."""
        if registration := registration_of(self.endpoint):
            registration.task.look_again()
        return super().get_route_handler()


def _check_tasks(app: Any, app_url: str) -> None:
    # Here, as a route need not know of apps to be registered.
    from fastapi_gcp_tasks.task_checks import check_tasks

    check_tasks(app, app_url=app_url)
