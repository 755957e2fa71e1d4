"""The processor time of `delay_many` for each task, with Google's own client over a channel that only answers."""

import json
from collections.abc import Callable
from typing import Any

from google.cloud.tasks_v2 import (
    BatchCreateTasksMetadata,
    BatchCreateTasksRequest,
    BatchCreateTasksResponse,
    CloudTasksClient,
    Task,
)
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.longrunning.operations_pb2 import Operation

from bench.contestants.delay import Payload, microseconds, task_router
from bench.contestants.stubs import StubChannel, StubMethod

BATCH = 100
"""What BatchCreateTasks takes at most."""
TASKS = 10 * BATCH


def created() -> Operation:
    """What the service answers to a batch that it created all of."""
    tasks = [Task(name=f"projects/p/locations/l/queues/q/tasks/{number}") for number in range(BATCH)]
    operation = Operation(name="projects/p/locations/l/operations/1", done=True)
    operation.metadata.Pack(BatchCreateTasksMetadata.pb(BatchCreateTasksMetadata()))
    operation.response.Pack(BatchCreateTasksResponse.pb(BatchCreateTasksResponse(tasks=tasks)))
    return operation


class BatchMethod(StubMethod):
    """Serialises the batch, and answers that all of it was created."""

    def __init__(self, channel: "BatchChannel", serializer: Callable[[Any], bytes]) -> None:
        super().__init__(channel, serializer)
        self._channel: BatchChannel = channel

    def __call__(self, request: Any, *arguments: Any, **options: Any) -> Any:
        super().__call__(request)
        self._channel.batches.append(self._channel.sent)
        return self._channel.created


class BatchChannel(StubChannel):
    """A channel that leads nowhere and keeps the batches."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[bytes] = []
        # Google's transport asks for the method anew at each call: what is answered is no part of that.
        self.created = created()

    def unary_unary(self, method: str, request_serializer: Any = None, *_: Any, **__: Any) -> StubMethod:
        if method.endswith("/BatchCreateTasks"):
            return BatchMethod(self, request_serializer)
        return StubMethod(self, request_serializer)


def main() -> None:
    channel = BatchChannel()
    router = task_router(CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel)))

    @router.post("/small")
    async def endpoint(payload: Payload) -> None: ...

    small: Any = endpoint
    items = [{"payload": Payload(message="Hello")} for _ in range(TASKS)]

    def run() -> None:
        channel.batches.clear()
        result = small.delay_many(items)
        assert len(result.created) == TASKS, result.failed[:1]

    run()
    requests = [one for batch in channel.batches for one in BatchCreateTasksRequest.deserialize(batch).requests]
    bodies = {request.task.http_request.body for request in requests}
    assert (len(requests), bodies) == (TASKS, {b'{"message":"Hello"}'}), bodies
    print(json.dumps({"each": microseconds(run) / TASKS}))


if __name__ == "__main__":
    main()
