"""Operations as messages, and what the one call of `google.longrunning.Operations` asks for."""

from google.longrunning.operations_pb2 import GetOperationRequest, Operation
from google.protobuf.message import Message

from gcptasks.base.names import OperationName, parse_operation
from gcptasks.wire.common import Status
from gcptasks.wire.resources import Resources

SERVICE = "google.longrunning.Operations"

# Google names the API that was asked. Here one address serves all of them.
_resource = Resources(SERVICE, "cloudtasks.googleapis.com", {"GetOperation": "cloudtasks.operations.get"})


def operation_name(request: GetOperationRequest) -> OperationName:
    """The operation that the request names; a `ServiceError` if it names none (CT-329)."""
    return _resource(parse_operation, request.name, request)


def done_operation(name: OperationName, metadata: Message, result: Message | None) -> Operation:
    """An operation that is done: with a response, with an error if the result is a `Status`, or with neither."""
    operation = Operation(name=str(name), done=True)
    operation.metadata.Pack(metadata)
    if isinstance(result, Status):
        operation.error.code, operation.error.message = result.code, result.message
    elif result is not None:
        operation.response.Pack(result)
    return operation
