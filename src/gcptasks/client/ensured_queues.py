"""Seeing to it that a queue is there."""

import asyncio
import logging
from concurrent.futures import Future, wait
from types import FrameType
from typing import Any

from gcptasks.base.flows import drive, drive_async
from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.log_text import log_text
from gcptasks.base.names import QueueName, parse_queue
from gcptasks.base.per_loop import PerLoop
from gcptasks.base.running_call import RunningCall, this_frame
from gcptasks.base.stand_ins import StandIn, replaceable
from gcptasks.client.call_flows import Flow, call

_log = logging.getLogger("gcptasks")

_LOOK_AGAIN = 0.05
"""Seconds after which one who waits looks whether there is still something to wait for."""


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


class _Creation(RunningCall):
    """A queue that a call is creating."""

    __slots__ = ("outcome",)

    def __init__(self, frame: FrameType) -> None:
        super().__init__(frame)
        self.outcome = Future[None]()

    def wait(self) -> bool:
        """Wait for the outcome, and raise it if it failed; False if there is none, as the call was interrupted."""
        while True:
            running = self.runs()
            if wait([self.outcome], _LOOK_AGAIN).done:
                self.outcome.result()
                return True
            if not running:
                return False


class EnsuredQueues:
    """Creates each queue once, when it is first used; whoever asks meanwhile shares the outcome."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self._own: set[str] = set()
        """Those of its own service, while that of a test stands in."""
        self.begin_anew()
        begin_anew_in_children(self)
        replaceable(self)

    def stand_in(self, service: StandIn | None) -> None:
        """Have created no queue yet at that service; or those that it had."""
        self._done, self._own = (self._own, set()) if service is None else (set(), self._done)

    def begin_anew(self) -> None:
        """Forget what other threads are creating."""
        self._running: dict[str, _Creation] = {}

    def ensure(self, path: str, timeout: float | None, client: Any) -> None:
        """Return once the queue was created; after a failure the next call tries again."""
        while path not in self._done:
            mine = _Creation(this_frame())
            creation = self._running.setdefault(path, mine)
            if creation is mine or creation.runs_below(
                this_frame()
            ):  # a signal's handler cannot wait for its own thread
                self._create(path, timeout, client, mine)
            elif creation.wait():
                return
            elif self._running.get(path) is creation:
                self._running.pop(path, None)

    def _create(self, path: str, timeout: float | None, client: Any, creation: _Creation) -> None:
        from google.api_core.exceptions import GoogleAPIError

        try:
            if path not in self._done:  # another call may just have ended
                drive(ensure_queue_if_allowed(parse_queue(path), timeout), lambda step: step.on(client))
                self._done.add(path)
            creation.outcome.set_result(None)
        except GoogleAPIError as error:
            # Any other error may be none of the queue's, but of a signal for this call: those who wait try themselves.
            creation.outcome.set_exception(error)
            raise
        finally:
            self._running.pop(path, None)
            creation.end()


class AsyncEnsuredQueues:
    """Creates each queue once, when it is first used; whoever asks meanwhile shares the outcome."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        """Their paths: for these there is nothing to wait for."""
        self._own: set[str] = set()
        """Those of its own service, while that of a test stands in."""
        self.begin_anew()
        begin_anew_in_children(self)
        replaceable(self)

    def stand_in(self, service: StandIn | None) -> None:
        """Have created no queue yet at that service; or those that it had."""
        self.done, self._own = (self._own, set()) if service is None else (set(), self.done)

    def begin_anew(self) -> None:
        """Forget what is being created: a child cannot wait for its parent's tasks."""
        self._running = PerLoop[dict[str, asyncio.Task[None]]](dict)

    async def ensure(self, path: str, timeout: float | None, client: Any) -> None:
        """Return once the queue was created; after a failure the next call tries again."""
        if path in self.done:
            return
        running = self._running.get()
        creation = running.get(path)
        if creation is None or creation.done():  # done, if its callback was interrupted
            creation = running[path] = asyncio.create_task(self._create(path, timeout, client))
            # Not at the end of `_create`: an eager task may be done before it stands in `running`.
            creation.add_done_callback(lambda _: running.pop(path, None))
        # Shielded: a caller that is cancelled does not take the queue from the others.
        await asyncio.shield(creation)

    async def _create(self, path: str, timeout: float | None, client: Any) -> None:
        await drive_async(ensure_queue_if_allowed(parse_queue(path), timeout), lambda step: step.on(client))
        self.done.add(path)
