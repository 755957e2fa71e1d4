"""Batches of tasks: what they ask for, and the operation that tells what became of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from google.longrunning.operations_pb2 import Operation

from gcptasks.base.errors import InvalidArgument, ServiceError
from gcptasks.base.names import OperationName, QueueName, TaskName, is_task_id, parse_queue, parse_task
from gcptasks.engine.model import NewTask, Task, View
from gcptasks.wire import common, times
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.names import resource
from gcptasks.wire.cloud_tasks.tasks import name_in, new_task, task_message, within
from gcptasks.wire.codes import Code, status_of
from gcptasks.wire.operations import done_operation

_MOST_NEW = 100
_MOST_DELETED = 1000
_SUCCEEDED, _FAILED, _PARTIALLY_SUCCEEDED = 2, 3, 5
_PARTIALLY_DELETED = 3
"""PARTIALLY_SUCCEEDED of BatchDeleteTasks, which numbers its states otherwise."""
_NONE_DELETED = (
    "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests for individual error details"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTasks:
    """The tasks of one batch; what is wrong with one of them stands in its place."""

    queue: QueueName
    request_id: str
    """Empty: the service makes one."""
    items: Sequence[NewTask | ServiceError]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTasks:
    """The tasks that one batch deletes; what is wrong with a name stands in its place."""

    queue: QueueName
    request_id: str
    """Empty: the service makes one."""
    items: Sequence[TaskName | ServiceError]


def new_tasks(request: messages.BatchCreateTasksRequest) -> NewTasks:
    """The tasks that are asked for; a `ServiceError` where the whole batch is refused (CT-309)."""
    queue = resource(parse_queue, request.parent, request)
    if not request.requests:
        raise InvalidArgument("Request must contain at least one task.")
    if len(request.requests) > _MOST_NEW:
        count = len(request.requests)
        raise InvalidArgument(
            f"A maximum of {_MOST_NEW} tasks can be created in a single batch, but got {count} tasks."
        )
    request_id = _request_id(request.request_id)
    _check_names(queue, request)
    return NewTasks(queue=queue, request_id=request_id, items=[_item(item) for item in request.requests])


def delete_tasks(request: messages.BatchDeleteTasksRequest) -> DeleteTasks:
    """The tasks that are to go; a `ServiceError` where the whole batch is refused (CT-309)."""
    queue = resource(parse_queue, request.parent, request)
    if not request.names:
        raise InvalidArgument("Request contains an invalid argument.")
    if len(request.names) > _MOST_DELETED:
        count = len(request.names)
        raise InvalidArgument(
            f"A maximum of {_MOST_DELETED} tasks can be handled in a batch, but {count} were requested."
        )
    request_id = _request_id(request.request_id)
    return DeleteTasks(queue=queue, request_id=request_id, items=[_name(queue, name) for name in request.names])


def created_operation(
    name: OperationName, at: datetime, outcomes: Sequence[Task | ServiceError], views: Iterable[View]
) -> Operation:
    """What became of the new tasks, each shown in its own view (CT-157, CT-298)."""
    metadata = messages.BatchCreateTasksMetadata()
    failed = _put_outcomes(metadata, at, outcomes)
    metadata.state = _FAILED if failed == len(outcomes) else _PARTIALLY_SUCCEEDED if failed else _SUCCEEDED
    shown = zip(outcomes, views, strict=True)
    made = [task_message(task, view) for task, view in shown if isinstance(task, Task)]
    return done_operation(name, metadata, messages.BatchCreateTasksResponse(tasks=made) if made else None)


def deleted_operation(name: OperationName, at: datetime, outcomes: Sequence[ServiceError | None]) -> Operation:
    """What became of the tasks that were to go, None for one that is gone (CT-159, CT-160)."""
    metadata = messages.BatchDeleteTasksMetadata()
    failed = _put_outcomes(metadata, at, outcomes)
    # Not FAILED, though none succeeded, as it is where tasks are created (CT-160).
    metadata.state = _PARTIALLY_DELETED if failed else _SUCCEEDED
    if failed == len(outcomes):
        return done_operation(name, metadata, common.Status(code=Code.ABORTED, message=_NONE_DELETED))
    return done_operation(name, metadata, common.Empty())


def _request_id(text: str) -> str:
    if text and not is_task_id(text):
        raise InvalidArgument("Request contains an invalid argument.")
    return text


def _put_outcomes(
    metadata: messages.BatchCreateTasksMetadata | messages.BatchDeleteTasksMetadata,
    at: datetime,
    outcomes: Iterable[object],
) -> int:
    """Put the time into the metadata, and the failures by their indexes; how many failed."""
    times.put_datetime(metadata.start_time, at)
    times.put_datetime(metadata.end_time, at)
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, ServiceError):
            status = status_of(outcome)
            metadata.failed_requests[number].CopyFrom(common.Status(code=status.code, message=status.message))
    return len(metadata.failed_requests)


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


def _name(queue: QueueName, text: str) -> TaskName | ServiceError:
    try:
        name = parse_task(text)
    except InvalidArgument as error:
        return InvalidArgument(f"Invalid task name: {error}")
    try:
        return within(queue, name)
    except InvalidArgument as error:
        return error
