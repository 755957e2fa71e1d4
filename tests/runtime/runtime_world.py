"""The dispatcher with a store, by the clock that the test moves."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from gcptasks.base.events import Event, Events
from gcptasks.runtime.dispatcher import Dispatcher
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.names import SERVICE
from runtime.runtime_doubles import ManualClock, RecordingTarget

PARENT = "projects/p/locations/l"


class World:
    """A store, a dispatcher on it, and the clock that both go by."""

    def __init__(self, path: Path | None, target: RecordingTarget | None = None) -> None:
        self.clock = ManualClock()
        self.events: list[Event] = []
        bus = Events()
        bus.subscribe(self.events.append)
        self.store = Store(parse_database("memory:" if path is None else str(path)), bus)
        self.calls = Calls(self.store, self.clock, Policy())
        self.target = target or RecordingTarget()
        self.dispatcher = Dispatcher(self.store, self.target, self.clock)

    def call(self, name: str, message: Any) -> Any:
        return self.calls.call_sync(f"/{SERVICE}/{name}", message)

    def queue(self, queue: str = "q", **fields: Any) -> str:
        name = f"{PARENT}/queues/{queue}"
        self.call("CreateQueue", messages.CreateQueueRequest(parent=PARENT, queue=messages.Queue(name=name, **fields)))
        return name

    def task(self, queue: str, after: timedelta = timedelta(0), body: bytes = b"", **fields: Any) -> str:
        """Create a task that is due then; its name."""
        request = messages.HttpRequest(url="http://worker.local/", body=body)
        task = messages.Task(http_request=request, **fields)
        task.schedule_time.FromDatetime(self.clock.now() + after)
        return str(self.call("CreateTask", messages.CreateTaskRequest(parent=queue, task=task)).name)

    def get(self, name: str) -> Any:
        return self.call("GetTask", messages.GetTaskRequest(name=name))

    def left(self, queue: str) -> int:
        return len(self.call("ListTasks", messages.ListTasksRequest(parent=queue)).tasks)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Turn the loop until that is so; pytest's timeout ends what never comes."""
        while not condition():
            await asyncio.sleep(0)

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


async def settled() -> None:
    """Let everything that can happen without the clock happen."""
    for _ in range(50):
        await asyncio.sleep(0)
