"""Operations as messages, and what the one call of `google.longrunning.Operations` asks for."""

from google.longrunning.operations_pb2 import GetOperationRequest, Operation
from google.protobuf.message import Message

from gcptasks.base.names import OperationName, parse_operation
from gcptasks.wire.resources import Resources

SERVICE = "google.longrunning.Operations"

# Google names the API that was asked. Here one address serves all of them.
_resource = Resources(SERVICE, "cloudtasks.googleapis.com", {"GetOperation": "cloudtasks.operations.get"})


def operation_name(request: GetOperationRequest) -> OperationName:
    """The operation that the request names; a `ServiceError` if it names none (CT-329)."""
    return _resource(parse_operation, request.name, request)


def done_operation(name: OperationName, metadata: Message, response: Message | None) -> Operation:
    """An operation that is done; without a response it has no result at all (CT-160)."""
    operation = Operation(name=str(name), done=True)
    operation.metadata.Pack(metadata)
    if response is not None:
        operation.response.Pack(response)
    return operation
