"""Seeing to it that a queue is there."""

import asyncio
import logging
from concurrent.futures import Future
from threading import Lock
from typing import Any

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.log_text import log_text
from gcptasks.base.names import QueueName, parse_queue
from gcptasks.client.call_flows import Flow, call, drive, drive_async
from gcptasks.client.per_loop import PerLoop

_log = logging.getLogger("gcptasks")


def ensure_queue(queue: QueueName, timeout: float | None, **fields: Any) -> Flow[None]:
    """Create the queue; that it is there already is success. `fields` are those of Google's `Queue`."""
    from google.api_core.exceptions import AlreadyExists
    from google.cloud.tasks_v2 import CreateQueueRequest, Queue

    request = CreateQueueRequest(parent=str(queue.location), queue=Queue(name=str(queue), **fields))
    try:
        yield from call("create_queue", request, timeout)
    except AlreadyExists:
        pass


def ensure_queue_if_allowed(queue: QueueName, timeout: float | None) -> Flow[None]:
    """Create the queue; one who may not create queues gets a warning in the log."""
    from google.api_core.exceptions import PermissionDenied

    try:
        yield from ensure_queue(queue, timeout)
    except PermissionDenied as denied:
        # The role roles/cloudtasks.enqueuer creates tasks but no queues: then the queue is somebody else's to create.
        _log.warning("cannot create the queue %s, so it is taken to be there: %s", queue, log_text(denied))


class EnsuredQueues:
    """Creates each queue once, when it is first used; whoever asks meanwhile shares the outcome."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Forget what other threads are creating."""
        self._running: dict[str, Future[None]] = {}
        self._lock = Lock()

    def ensure(self, path: str, timeout: float | None, client: Any) -> None:
        """Return once the queue was created; after a failure the next call tries again."""
        if path in self._done:
            return
        with self._lock:
            if path in self._done:
                return
            running = self._running.get(path)
            mine = self._running[path] = running or Future()
        if running is not None:
            running.result()
            return
        try:
            drive(ensure_queue_if_allowed(parse_queue(path), timeout), lambda step: step.on(client))
        except BaseException as error:
            self._running.pop(path).set_exception(error)
            raise
        self._done.add(path)
        self._running.pop(path)
        mine.set_result(None)


class AsyncEnsuredQueues:
    """Creates each queue once, when it is first used; whoever asks meanwhile shares the outcome."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Forget what is being created: a child cannot wait for its parent's tasks."""
        self._running = PerLoop[dict[str, asyncio.Task[None]]](dict)

    async def ensure(self, path: str, timeout: float | None, client: Any) -> None:
        """Return once the queue was created; after a failure the next call tries again."""
        if path in self._done:
            return
        running = self._running.get()
        creation = running.get(path)
        if creation is None:
            creation = running[path] = asyncio.create_task(self._create(path, timeout, client))
            # Not at the end of `_create`: an eager task may be done before it stands in `running`.
            creation.add_done_callback(lambda _: running.pop(path, None))
        # Shielded: a caller that is cancelled does not take the queue from the others.
        await asyncio.shield(creation)

    async def _create(self, path: str, timeout: float | None, client: Any) -> None:
        await drive_async(ensure_queue_if_allowed(parse_queue(path), timeout), lambda step: step.on(client))
        self._done.add(path)
