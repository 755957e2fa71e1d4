"""The verbs on many tasks at once."""

from datetime import datetime
from uuid import uuid4

from google.longrunning.operations_pb2 import Operation

from gcptasks.base.errors import InvalidArgument, NotFound, ServiceError
from gcptasks.base.names import OperationName, TaskName
from gcptasks.engine.model import NewTask, Task, View
from gcptasks.service.policy import Policy
from gcptasks.service.tasks import create_task, delete_task
from gcptasks.store.tx import Tx
from gcptasks.wire.cloud_tasks.batches import DeleteTasks, NewTasks, created_operation, deleted_operation


def create_tasks(tx: Tx, request: NewTasks, now: datetime, policy: Policy) -> Operation:
    """The operation, done: it is kept, and its id cannot be used again (CT-158)."""
    name = _new_operation(tx, request)
    outcomes = [_created(tx, item, now, policy) for item in request.items]
    views = [item.view if isinstance(item, NewTask) else View.BASIC for item in request.items]
    return _kept(tx, name, now, created_operation(name, now, outcomes, views))


def delete_tasks(tx: Tx, request: DeleteTasks, now: datetime, policy: Policy) -> Operation:
    """The operation, done, as that of `create_tasks`, whose ids it shares (CT-250)."""
    name = _new_operation(tx, request)
    # A name that is there twice is deleted once, and that goes for both (CT-310m).
    outcomes = {item: _deleted(tx, item, now, policy) for item in dict.fromkeys(request.items)}
    return _kept(tx, name, now, deleted_operation(name, now, [outcomes[item] for item in request.items]))


def get_operation(tx: Tx, request: OperationName, now: datetime, policy: Policy) -> Operation:
    found = tx.operations.find(request)
    if found is None:
        raise NotFound("Requested entity was not found.")
    return Operation.FromString(found)


def _new_operation(tx: Tx, request: NewTasks | DeleteTasks) -> OperationName:
    name = OperationName(request.queue.location, request.request_id or uuid4().hex)
    if tx.operations.find(name) is not None:
        raise InvalidArgument(f"Duplicate operation id in the batch request: {name.operation}")
    return name


def _kept(tx: Tx, name: OperationName, now: datetime, operation: Operation) -> Operation:
    tx.operations.add(name, now, operation.SerializeToString())
    return operation


def _created(tx: Tx, item: NewTask | ServiceError, now: datetime, policy: Policy) -> Task | ServiceError:
    if isinstance(item, ServiceError):
        return item
    try:
        return create_task(tx, item, now, policy)
    except ServiceError as error:
        return error


def _deleted(tx: Tx, item: TaskName | ServiceError, now: datetime, policy: Policy) -> ServiceError | None:
    if isinstance(item, ServiceError):
        return item
    try:
        delete_task(tx, item, now, policy)
    except ServiceError as error:
        return error
    return None
