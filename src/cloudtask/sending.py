"""How a client's tasks get to their workers: by Cloud Tasks, or eagerly."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from cloudtask.message import Requests, checked_time
from cloudtask.settings import Settings
from gcptasks.client.api import TASKS
from gcptasks.client.default_clients import AsyncClients, DefaultClient

if TYPE_CHECKING:
    from cloudtask.task import Task, TaskOptions

_CREATE_TIMEOUT = 10.0


class Sender:
    """Pushes the tasks of one client."""

    def __init__(self, settings: Settings, client: Any, async_client: Any) -> None:
        """`TypeError` for a client that is not of the kind that the argument takes."""
        _check_clients(client, async_client)
        self.settings = settings
        self._eager = settings.eager is not None
        self._requests = Requests(settings)
        self._client = client
        self._default = DefaultClient(TASKS)
        is_factory = not TASKS.async_client.owns(async_client)
        self._async_client = None if is_factory else async_client
        self._async_factory = async_client if is_factory else None
        self._async_clients = AsyncClients(TASKS)

    async def push(self, task: "Task[Any]", options: "TaskOptions", at: datetime | None) -> str | None:
        """The full name of the task, once it is accepted; None if it ran eagerly."""
        if at is not None:
            at = self._checked_due(task, at)
        if self._eager:
            from cloudtask import eager

            await eager.push(task, options, self._requests, self.settings, at)
            return None
        request = self._requests.of(task.body, options, at)
        client = self._async_client
        if client is None:
            client = self._async_clients.get(self._async_factory)
        return _name(await client.create_task(request=request, timeout=_CREATE_TIMEOUT))

    def sync_push(self, task: "Task[Any]", options: "TaskOptions", at: datetime | None) -> str | None:
        """The same, blocking."""
        if at is not None:
            at = self._checked_due(task, at)
        if self._eager:
            from cloudtask import eager

            eager.sync_push(task, options, self._requests, self.settings, at)
            return None
        request = self._requests.of(task.body, options, at)
        client = self._default.get() if self._client is None else self._client
        return _name(client.create_task(request=request, timeout=_CREATE_TIMEOUT))

    def _checked_due(self, task: "Task[Any]", at: datetime) -> datetime:
        """When it is due, in UTC."""
        at = checked_time(at, self.settings)
        task.check_due(at)
        return at


def _name(created: Any) -> str | None:
    """The full name. A client of the user's own may return what has none."""
    kind: Any = type(cast("object", created))
    try:
        # Google's wrapper takes longer to look into than what it wraps.
        name: str | None = kind.pb(created).name
    except AttributeError:
        return getattr(created, "name", None)
    return name


def _check_clients(client: object, async_client: object) -> None:
    if client is not None and not TASKS.client.owns(client):
        raise TypeError(
            f"client must be a CloudTasksClient, for sync_push, not {client!r}; "
            "a CloudTasksAsyncClient, or a factory of one, is for async_client"
        )
    # Asked before "is it a factory": a mock of the wrong client is callable as well.
    if TASKS.client.owns(async_client) or not (
        async_client is None or TASKS.async_client.owns(async_client) or callable(async_client)
    ):
        raise TypeError(f"async_client must be a CloudTasksAsyncClient, or a factory of one, not {async_client!r}")
