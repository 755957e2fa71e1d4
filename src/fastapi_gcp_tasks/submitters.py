"""Creating the recorded tasks of one endpoint, blocking or awaited."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi_gcp_tasks.recorded_endpoint import Recording
from gcptasks.base.flows import drive, drive_async
from gcptasks.client.call_flows import made
from gcptasks.client.handle_flows import TaskKind
from gcptasks.client.handles import AsyncTaskHandle, TaskHandle
from gcptasks.client.recorded_calls import RecordedRequest, async_create_recorded, create_recorded
from gcptasks.results.given import GivenStore


class Submitter:
    """Creates the tasks of one endpoint under one set of options."""

    def __init__(
        self, recording: Recording, tasks: TaskKind[Any], results: GivenStore, send: Callable[[Any], Any]
    ) -> None:
        self.recording = recording
        self._tasks = tasks
        self._results = results
        self._send = send

    def create(self, new: RecordedRequest) -> Any:
        """The task of that request, created after its record."""
        return create_recorded(self._results.guarded().quiet, new, self._send)

    def submit(self, values: Mapping[str, Any]) -> TaskHandle[Any]:
        """The handle of a task with these arguments."""
        key = self.recording.key
        if key is None:
            new = self.recording.new(values)
            self.create(new)
            return TaskHandle(self._tasks, new.record.id, new.record.task_name)
        guarded = self._results.guarded()
        flow = self.recording.submit_once(key, values, guarded.store.blocking(), guarded.quiet, self._send)
        return TaskHandle(self._tasks, *drive(flow, made))


class AsyncSubmitter:
    """The same, awaited."""

    def __init__(
        self, recording: Recording, tasks: TaskKind[Any], results: GivenStore, send: Callable[[Any], Awaitable[Any]]
    ) -> None:
        self.recording = recording
        self._tasks = tasks
        self._results = results
        self._send = send

    async def create(self, new: RecordedRequest) -> Any:
        """The task of that request, created after its record."""
        return await async_create_recorded(self._results.guarded().awaiting, new, self._send)

    async def submit(self, values: Mapping[str, Any]) -> AsyncTaskHandle[Any]:
        """The handle of a task with these arguments."""
        key = self.recording.key
        if key is None:
            new = self.recording.new(values)
            await self.create(new)
            return AsyncTaskHandle(self._tasks, new.record.id, new.record.task_name)
        guarded = self._results.guarded()
        flow = self.recording.submit_once(key, values, guarded.store.awaiting(), guarded.awaiting, self._send)
        return AsyncTaskHandle(self._tasks, *await drive_async(flow, made))
