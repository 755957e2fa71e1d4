"""Google's clients on the service of this process: no network, and no thread between."""

from typing import Any, TypeVar

from google.cloud import tasks_v2

from gcptasks.base.errors import TaskError
from gcptasks.client.api import TASKS, Api
from gcptasks.client.bare_calls import open_straight_way
from gcptasks.client.transport import async_client_over, client_over
from gcptasks.engine.model import NewTask
from gcptasks.service.calls import Calls
from gcptasks.service.tasks import create_task
from gcptasks.wire.cloud_tasks.tasks import task_message
from gcptasks.wire.google_errors import as_google

Client = TypeVar("Client")
AsyncClient = TypeVar("AsyncClient")

_HOST = "in-process"


def client(api: Api[Client, Any], calls: Calls) -> Client:
    """Google's client of that API. It may be used from any thread."""
    made = client_over(api, calls.call_sync, _HOST)
    if api is TASKS:
        open_straight_way(made, _creation(calls))
    return made


def async_client(api: Api[Any, AsyncClient], calls: Calls) -> AsyncClient:
    """Google's async client of that API. It may be used on any event loop."""
    made = async_client_over(api, calls.call, _HOST)
    if api is TASKS:
        open_straight_way(made, _async_creation(calls))
    return made


def _creation(calls: Calls) -> Any:
    """CreateTask from the service's own value to the message that Google's client returns."""
    task_class: Any = tasks_v2.Task  # proto-plus is not typed
    wrap = task_class.wrap

    def create(new: NewTask) -> Any:
        try:
            task = calls.write_sync(create_task, new)
        except TaskError as error:
            raise as_google(error) from error
        return wrap(task_message(task, new.view))

    return create


def _async_creation(calls: Calls) -> Any:
    """The same, awaited."""
    task_class: Any = tasks_v2.Task  # as above
    wrap = task_class.wrap

    async def create(new: NewTask) -> Any:
        try:
            task = await calls.write(create_task, new)
        except TaskError as error:
            raise as_google(error) from error
        return wrap(task_message(task, new.view))

    return create
