"""The tasks of a client with `results=`: each has a record, and `submit` gives its handle."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gcptasks.base.flows import drive, drive_async
from gcptasks.client.call_flows import made
from gcptasks.client.handle_flows import TaskKind
from gcptasks.client.handles import AsyncTaskHandle, TaskHandle
from gcptasks.client.recorded_calls import MakeRequest, RecordedTasks, async_create_recorded, create_recorded
from gcptasks.client.result_type import ResultType
from gcptasks.results.given import GivenStore
from gcptasks.results.record_options import checked_key, checked_labels

if TYPE_CHECKING:
    from cloudtask.message import Requests
    from cloudtask.task import Declared, Task, TaskOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """What `submit` says of a task's record."""

    key: str | None = None
    rerun: bool = False
    labels: Mapping[str, str] | None = None


class RecordedSender:
    """Creates the recorded tasks of one client, which `send` and `async_send` send."""

    def __init__(
        self,
        results: GivenStore,
        requests: "Requests",
        send: Callable[[Any], Any],
        async_send: Callable[[Any], Any],
        clients: tuple[Callable[[], Any], Callable[[], Any]],
    ) -> None:
        self._results = results
        self._requests = requests
        self._send = send
        self._async_send = async_send
        self._client, self._async_client = clients
        self._types: dict[str, ResultType] = {}

    def sync_push(self, task: "Task[Any]", options: "TaskOptions", at: datetime | None) -> Any:
        """What the service answers with."""
        new = self._tasks(task, options, _NOTHING).new(self._maker(task, options, at))
        return create_recorded(self._results.guarded().quiet, new, self._send)

    async def push(self, task: "Task[Any]", options: "TaskOptions", at: datetime | None) -> Any:
        """The same, awaited."""
        new = self._tasks(task, options, _NOTHING).new(self._maker(task, options, at))
        return await async_create_recorded(self._results.guarded().awaiting, new, self._async_send)

    def sync_submit(
        self, task: "Task[Any]", options: "TaskOptions", at: datetime | None, record: RecordOptions
    ) -> TaskHandle[Any]:
        """The handle of the task."""
        tasks, make = self._tasks(task, options, record), self._maker(task, options, at)
        kind, guarded = self._kind(task.function, self._client), self._results.guarded()
        if record.key is None:
            new = tasks.new(make)
            create_recorded(guarded.quiet, new, self._send)
            return TaskHandle(kind, new.record.id, new.record.task_name)
        flow = tasks.submit_once(record.key, make, task.digest, guarded.store.blocking(), guarded.quiet, self._send)
        return TaskHandle(kind, *drive(flow, made))

    async def submit(
        self, task: "Task[Any]", options: "TaskOptions", at: datetime | None, record: RecordOptions
    ) -> AsyncTaskHandle[Any]:
        """The same, awaited."""
        tasks, make = self._tasks(task, options, record), self._maker(task, options, at)
        kind, guarded = self._kind(task.function, self._async_client), self._results.guarded()
        if record.key is None:
            new = tasks.new(make)
            await async_create_recorded(guarded.awaiting, new, self._async_send)
            return AsyncTaskHandle(kind, new.record.id, new.record.task_name)
        flow = tasks.submit_once(
            record.key, make, task.digest, guarded.store.awaiting(), guarded.awaiting, self._async_send
        )
        return AsyncTaskHandle(kind, *await drive_async(flow, made))

    def sync_handle(self, function: "Declared[Any]", id: str) -> TaskHandle[Any]:
        """The handle of the function's task with that id."""
        return TaskHandle(self._kind(function, self._client), id)

    def handle(self, function: "Declared[Any]", id: str) -> AsyncTaskHandle[Any]:
        """The same, whose calls are awaited."""
        return AsyncTaskHandle(self._kind(function, self._async_client), id)

    def _kind(self, function: "Declared[Any]", client: Callable[[], Any]) -> TaskKind[Any]:
        name = function.name
        type = self._types.get(name)
        if type is None:
            type = self._types[name] = ResultType(name, lambda: function.arguments.returns)
        return TaskKind(name, self._results.get, type.read, client)

    def _tasks(self, task: "Task[Any]", options: "TaskOptions", record: RecordOptions) -> RecordedTasks:
        names, task_id = self._requests.place_of(options)
        key = checked_key(record.key)
        if record.rerun and key is None:
            raise TypeError("rerun starts the task of a key anew: give it the key as well")
        if key is not None and task_id is not None:
            raise TypeError("a key names the task, so it can have no name of its own")
        return RecordedTasks(
            endpoint=task.function.name,
            names=names,
            task_id=task_id,
            labels=checked_labels(record.labels) if record.labels else {},
            rerun=record.rerun,
        )

    def _maker(self, task: "Task[Any]", options: "TaskOptions", at: datetime | None) -> MakeRequest:
        def make(name: str, tag: str) -> tuple[Any, str]:
            return self._requests.of(task.body, options, at, (name, tag)), name

        return make


_NOTHING = RecordOptions()
