"""The table of `google.longrunning.Operations`: what a batch left can be read again (CT-329)."""

from google.longrunning.operations_pb2 import GetOperationRequest, Operation
from google.protobuf.message import Message

from gcptasks.service.batches import get_operation
from gcptasks.service.method import HttpRule, Method
from gcptasks.wire import operations as wire


def _as_it_is(answer: Operation, request: Message) -> Operation:
    return answer


METHODS = (
    Method(
        path=f"/{wire.SERVICE}/GetOperation",
        http=(HttpRule("GET", "/v2/{name=projects/*/locations/*/operations/*}"),),
        request=GetOperationRequest,
        response=Operation,
        decode=wire.operation_name,
        verb=get_operation,
        encode=_as_it_is,
        writes=False,
    ),
)
