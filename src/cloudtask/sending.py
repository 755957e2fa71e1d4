"""How a client's tasks get to their workers: by Cloud Tasks, or eagerly."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from cloudtask.message import Requests, checked_time
from cloudtask.settings import Settings
from gcptasks.base.stand_ins import StandIn, replaceable
from gcptasks.client.api import TASKS
from gcptasks.client.bare_calls import straight_way
from gcptasks.client.default_clients import AsyncClients, DefaultClient
from gcptasks.engine.task_limits import LARGEST

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CreateTaskRequest

    from cloudtask.recorded import RecordedSender
    from cloudtask.task import Task, TaskOptions
    from gcptasks.client.handles import AsyncTaskHandle, TaskHandle
    from gcptasks.client.last_attempts import LastAttempts
    from gcptasks.results.given import GivenStore

_CREATE_TIMEOUT = 10.0
_LARGE = LARGEST // 2


class Sender:
    """Pushes the tasks of one client."""

    def __init__(self, settings: Settings, client: Any, async_client: Any, results: "GivenStore | None" = None) -> None:
        """`TypeError` for a client that is not of the kind that the argument takes."""
        _check_clients(client, async_client)
        self.settings = settings
        self._eager = settings.eager is not None
        self._requests = Requests(settings)
        self._client: Any = client
        self._default = DefaultClient(TASKS)
        is_factory = not TASKS.async_client.owns(async_client)
        self._async_client: Any = None if is_factory else async_client
        self._async_factory = async_client if is_factory else None
        self._async_clients = AsyncClients(TASKS)
        self._own = self._client, self._async_client
        """Those that stay aside while a test's stand in."""
        replaceable(self)
        self._recorded = None if results is None else self._make_recorded(results)

    def stand_in(self, service: StandIn | None) -> None:
        """Use the clients of that service; or one's own again."""
        if service is None:
            self._client, self._async_client = self._own
        else:
            self._client, self._async_client = service.client(TASKS), service.async_client(TASKS)

    async def push(self, task: "Task[Any]", options: "TaskOptions", at: datetime | None) -> str | None:
        """The full name of the task, once it is accepted; None if it ran eagerly."""
        if at is not None:
            at = self._checked_due(task, at)
        if self._eager:
            from cloudtask import eager

            await eager.push(task, options, self._requests, self.settings, at)
            return None
        if self._recorded is not None:
            return _name(await self._recorded.push(task, options, at))
        usual = _usual_part(task, options)
        if usual and (create := straight_way(self._get_async_client())):
            return _name(await create(self._requests.new(usual, task.body, at)))
        return _name(await self._async_create(self._requests.of(task.body, options, at)))

    def sync_push(self, task: "Task[Any]", options: "TaskOptions", at: datetime | None) -> str | None:
        """The same, blocking."""
        if at is not None:
            at = self._checked_due(task, at)
        if self._eager:
            from cloudtask import eager

            eager.sync_push(task, options, self._requests, self.settings, at)
            return None
        if self._recorded is not None:
            return _name(self._recorded.sync_push(task, options, at))
        usual = _usual_part(task, options)
        if usual and (create := straight_way(self._get_client())):
            return _name(create(self._requests.new(usual, task.body, at)))
        return _name(self._create(self._requests.of(task.body, options, at)))

    async def submit(
        self, task: "Task[Any]", options: "TaskOptions", at: datetime | None, **record: Any
    ) -> "AsyncTaskHandle[Any]":
        """The handle of the task, once it is accepted."""
        from cloudtask.recorded import RecordOptions

        recorded = self.recorded(f"{task.function.name}: submit")
        at = None if at is None else self._checked_due(task, at)
        return await recorded.submit(task, options, at, RecordOptions(**record))

    def sync_submit(
        self, task: "Task[Any]", options: "TaskOptions", at: datetime | None, **record: Any
    ) -> "TaskHandle[Any]":
        """The same, blocking."""
        from cloudtask.recorded import RecordOptions

        recorded = self.recorded(f"{task.function.name}: sync_submit")
        at = None if at is None else self._checked_due(task, at)
        return recorded.sync_submit(task, options, at, RecordOptions(**record))

    def recorded(self, what: str) -> "RecordedSender":
        """What creates recorded tasks; `TypeError` where none are."""
        if self._eager:
            raise TypeError(f"{what} needs a queue: eager={self.settings.eager!r} runs tasks at once, unrecorded")
        if self._recorded is None:
            raise TypeError(f"{what} needs a store of results: give the CloudTaskClient results=")
        return self._recorded

    def last_attempts(self) -> "tuple[LastAttempts, LastAttempts]":
        """What knows when queues give tasks up: awaited, and blocking."""
        from gcptasks.client.last_attempts import LastAttempts

        return LastAttempts(self._get_async_client, awaits=True), LastAttempts(self._get_client, awaits=False)

    def _get_client(self) -> Any:
        return self._default.get() if self._client is None else self._client

    def _get_async_client(self) -> Any:
        client = self._async_client
        return self._async_clients.get(self._async_factory) if client is None else client

    def _create(self, request: "CreateTaskRequest") -> Any:
        return self._get_client().create_task(request=request, timeout=_CREATE_TIMEOUT)

    def _async_create(self, request: "CreateTaskRequest") -> Any:
        return self._get_async_client().create_task(request=request, timeout=_CREATE_TIMEOUT)

    def _make_recorded(self, results: "GivenStore") -> "RecordedSender":
        from cloudtask.recorded import RecordedSender  # here, as most tasks are not recorded

        clients = self._get_client, self._get_async_client
        return RecordedSender(results, self._requests, self._create, self._async_create, clients)

    def _checked_due(self, task: "Task[Any]", at: datetime) -> datetime:
        """When it is due, in UTC."""
        at = checked_time(at, self.settings)
        task.check_due(at)
        return at


def _usual_part(task: "Task[Any]", options: "TaskOptions") -> bytes | None:
    """What all requests of its function have in common, if this task is as all others are.

    None, or empty, if it has options of its own, or is so large that only its request tells whether it is too large.
    """
    return options.fixed if len(task.body) <= _LARGE else None


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
