"""What the routes of one builder share: its options, its clients, and the queues that it has seen to."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastapi_gcp_tasks.builder_clients import AsyncBuilderClients, BuilderClients
from fastapi_gcp_tasks.options import TaskOptions
from gcptasks.client.api import TASKS
from gcptasks.client.bare_calls import straight_way

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, CreateTaskRequest, Task

    from fastapi_gcp_tasks.encode.plan import Encoded
    from fastapi_gcp_tasks.straight_tasks import StraightTasks
    from gcptasks.client.ensured_queues import AsyncEnsuredQueues, EnsuredQueues
    from gcptasks.client.last_attempts import LastAttempts


class Sender:
    """Sends the requests of a DelayedRouteBuilder's endpoints."""

    def __init__(self, options: TaskOptions, *, auto_create_queue: bool) -> None:
        self._clients = BuilderClients(TASKS, "DelayedRouteBuilder")
        self.check = self._clients.check
        self.check(options.client)
        self.options = options
        self._queues = _queues() if auto_create_queue else None

    @cached_property
    def last_attempts(self) -> "LastAttempts":
        """What knows when queues give tasks up; asked for by those that record them."""
        from gcptasks.client.last_attempts import LastAttempts

        return LastAttempts(lambda: self.client(self.options), awaits=False)

    def client(self, options: TaskOptions) -> "CloudTasksClient":
        """The client of calls with these options."""
        return self._clients.get(options.client)

    def ready_client(self, options: TaskOptions) -> "CloudTasksClient":
        """The client that creates tasks; their queue is created before, if that is ours to do."""
        client = self._clients.get(options.client)
        if self._queues is not None:
            self._queues.ensure(options.queue_path, options.task_create_timeout, client)
        return client

    def sending(self, options: TaskOptions) -> "Callable[[CreateTaskRequest], Task]":
        """What creates a task; its queue is created before, if that is ours to do."""
        given, clients, default = options.client, self._clients, self._clients.default
        path: str = options.queue_path
        timeout: Any = options.task_create_timeout
        queues = self._queues

        def send(request: "CreateTaskRequest") -> "Task":
            replaced = clients.replaced
            client: CloudTasksClient = (default.get() if given is None else given) if replaced is None else replaced
            if queues is not None:
                queues.ensure(path, timeout, client)
            return client.create_task(request=request, timeout=timeout)

        return send

    def may_lead_straight(self, options: TaskOptions) -> bool:
        """Whether the client of these options may be one of a service in this process, which takes tasks as parts."""
        return straight_way(options.client) is not None

    def sending_straight(
        self, options: TaskOptions, tasks: "StraightTasks"
    ) -> "Callable[[Encoded | CreateTaskRequest], Task]":
        """As `sending`, also of the parts of a task, which go to the service as they are if its client leads there."""
        send, get, queues = self.sending(options), self._clients.get, self._queues

        def send_straight(given: "Encoded | CreateTaskRequest") -> "Task":
            if not isinstance(given, tuple):
                return send(given)
            client = get(options.client)
            create = straight_way(client)
            if create is None:
                tasks.give_up()
                return send(tasks.request(given))
            if queues is not None:
                queues.ensure(options.queue_path, options.task_create_timeout, client)
            return create(tasks.new(given))  # type: ignore[no-any-return]  # a Task, as its client's

        return send_straight


class AsyncSender:
    """Sends the requests of an AsyncDelayedRouteBuilder's endpoints."""

    def __init__(self, options: TaskOptions, *, auto_create_queue: bool) -> None:
        self._clients = AsyncBuilderClients(TASKS, "DelayedRouteBuilder")
        self.check = self._clients.check
        self.check(options.client)
        self.options = options
        self._queues = _async_queues() if auto_create_queue else None

    @cached_property
    def last_attempts(self) -> "LastAttempts":
        """What knows when queues give tasks up; asked for by those that record them."""
        from gcptasks.client.last_attempts import LastAttempts

        return LastAttempts(lambda: self.client(self.options), awaits=True)

    def client(self, options: TaskOptions) -> "CloudTasksAsyncClient":
        """The running loop's client of calls with these options."""
        return self._clients.getter(options.client)()

    async def ready_client(self, options: TaskOptions) -> "CloudTasksAsyncClient":
        """The running loop's client that creates tasks; their queue is created before, if that is ours to do."""
        client = self._clients.getter(options.client)()
        if self._queues is not None:
            await self._queues.ensure(options.queue_path, options.task_create_timeout, client)
        return client

    def sending(self, options: TaskOptions) -> "Callable[[CreateTaskRequest], Awaitable[Task]]":
        """What creates a task; its queue is created before, if that is ours to do."""
        return self._sending(options, self._clients.getter(options.client))

    def _sending(
        self, options: TaskOptions, client_of: "Callable[[], CloudTasksAsyncClient]"
    ) -> "Callable[[CreateTaskRequest], Awaitable[Task]]":
        path: str = options.queue_path
        timeout: Any = options.task_create_timeout
        queues = self._queues

        async def send(request: "CreateTaskRequest") -> "Task":
            client = client_of()
            if queues is not None and path not in queues.done:
                await queues.ensure(path, timeout, client)
            return await client.create_task(request=request, timeout=timeout)

        return send

    def may_lead_straight(self, options: TaskOptions) -> bool:
        """Whether the client of these options may be one of a service in this process, which takes tasks as parts."""
        client = options.client
        if client is None or TASKS.async_client.owns(client):
            return straight_way(client) is not None
        return True  # what a factory makes is known once it has

    def sending_straight(
        self, options: TaskOptions, tasks: "StraightTasks"
    ) -> "Callable[[Encoded | CreateTaskRequest], Awaitable[Task]]":
        """As `sending`, also of the parts of a task, which go to the service as they are if its client leads there."""
        client_of, queues = self._clients.getter(options.client), self._queues
        send = self._sending(options, client_of)
        path: str = options.queue_path

        async def send_straight(given: "Encoded | CreateTaskRequest") -> "Task":
            if not isinstance(given, tuple):
                return await send(given)
            client = client_of()
            create = straight_way(client)
            if create is None:
                tasks.give_up()
                return await send(tasks.request(given))
            if queues is not None and path not in queues.done:
                await queues.ensure(path, options.task_create_timeout, client)
            return await create(tasks.new(given))  # type: ignore[no-any-return]  # as above

        return send_straight


# Imported only where queues are created: what a builder costs is part of an app's cold start.


def _queues() -> "EnsuredQueues":
    from gcptasks.client.ensured_queues import EnsuredQueues

    return EnsuredQueues()


def _async_queues() -> "AsyncEnsuredQueues":
    from gcptasks.client.ensured_queues import AsyncEnsuredQueues

    return AsyncEnsuredQueues()
