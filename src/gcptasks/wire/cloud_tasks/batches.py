"""Batches of tasks: what they ask for, and the operation that tells what became of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from google.longrunning.operations_pb2 import Operation

from gcptasks.base.errors import InvalidArgument, ServiceError
from gcptasks.base.names import OperationName, QueueName, is_task_id, parse_queue
from gcptasks.engine.model import NewTask, Task, View
from gcptasks.wire import common, times
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.names import resource
from gcptasks.wire.cloud_tasks.tasks import name_in, new_task, task_message
from gcptasks.wire.codes import status_of
from gcptasks.wire.operations import done_operation

_MOST = 100
_SUCCEEDED, _FAILED, _PARTIALLY_SUCCEEDED = 2, 3, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTasks:
    """The tasks of one batch; what is wrong with one of them stands in its place."""

    queue: QueueName
    request_id: str
    """Empty: the service makes one."""
    items: Sequence[NewTask | ServiceError]


def new_tasks(request: messages.BatchCreateTasksRequest) -> NewTasks:
    """The tasks that are asked for; `InvalidArgument` where the whole batch is refused (CT-309)."""
    queue = resource(parse_queue, request.parent, request)
    if not request.requests:
        raise InvalidArgument("Request must contain at least one task.")
    if len(request.requests) > _MOST:
        count = len(request.requests)
        raise InvalidArgument(f"A maximum of {_MOST} tasks can be created in a single batch, but got {count} tasks.")
    if request.request_id and not is_task_id(request.request_id):
        raise InvalidArgument("Request contains an invalid argument.")
    _check_names(queue, request)
    return NewTasks(queue=queue, request_id=request.request_id, items=[_item(item) for item in request.requests])


def batch_operation(
    name: OperationName, at: datetime, outcomes: Sequence[Task | ServiceError], views: Iterable[View]
) -> Operation:
    """What became of the tasks, each shown in its own view (CT-157, CT-298)."""
    metadata = messages.BatchCreateTasksMetadata()
    times.put_datetime(metadata.start_time, at)
    times.put_datetime(metadata.end_time, at)
    response = messages.BatchCreateTasksResponse()
    for number, (outcome, view) in enumerate(zip(outcomes, views, strict=True)):
        if isinstance(outcome, Task):
            response.tasks.append(task_message(outcome, view))
        else:
            status = status_of(outcome)
            metadata.failed_requests[number].CopyFrom(common.Status(code=status.code, message=status.message))
    failed = len(metadata.failed_requests)
    metadata.state = _FAILED if failed == len(outcomes) else _PARTIALLY_SUCCEEDED if failed else _SUCCEEDED
    return done_operation(name, metadata, response if response.tasks else None)


def _check_names(queue: QueueName, request: messages.BatchCreateTasksRequest) -> None:
    seen: set[str] = set()
    for item in request.requests:
        if item.parent != request.parent:
            raise InvalidArgument(
                "All tasks in a batch request must target the same queue. "
                f"Found task for queue {item.parent} in batch request for queue {request.parent}."
            )
        if item.task.name:
            name_in(queue, item.task.name)
            if item.task.name in seen:
                raise InvalidArgument(f"Duplicate task name in the batch request: {item.task.name}")
            seen.add(item.task.name)


def _item(request: messages.CreateTaskRequest) -> NewTask | ServiceError:
    if request.task.WhichOneof("message_type") is None:
        return InvalidArgument("Payload type must be set.")  # not in the words of CreateTask (CT-310)
    try:
        return new_task(request)
    except ServiceError as error:
        return error
