"""The verb on many tasks at once."""

from datetime import datetime
from uuid import uuid4

from google.longrunning.operations_pb2 import Operation

from gcptasks.base.errors import InvalidArgument, NotFound, ServiceError
from gcptasks.base.names import OperationName
from gcptasks.engine.model import NewTask, Task, View
from gcptasks.service.policy import Policy
from gcptasks.service.tasks import create_task
from gcptasks.store.tx import Tx
from gcptasks.wire.cloud_tasks.batches import NewTasks, batch_operation


def create_tasks(tx: Tx, request: NewTasks, now: datetime, policy: Policy) -> Operation:
    """The operation, done: it is kept, and its id cannot be used again (CT-158)."""
    name = OperationName(request.queue.location, request.request_id or uuid4().hex)
    if tx.operations.find(name) is not None:
        raise InvalidArgument(f"Duplicate operation id in the batch request: {name.operation}")
    outcomes = [_created(tx, item, now, policy) for item in request.items]
    views = [item.view if isinstance(item, NewTask) else View.BASIC for item in request.items]
    operation = batch_operation(name, now, outcomes, views)
    tx.operations.add(name, now, operation.SerializeToString())
    return operation


def get_operation(tx: Tx, request: OperationName, now: datetime, policy: Policy) -> Operation:
    found = tx.operations.find(request)
    if found is None:
        raise NotFound("Requested entity was not found.")
    return Operation.FromString(found)


def _created(tx: Tx, item: NewTask | ServiceError, now: datetime, policy: Policy) -> Task | ServiceError:
    if isinstance(item, ServiceError):
        return item
    try:
        return create_task(tx, item, now, policy)
    except ServiceError as error:
        return error
