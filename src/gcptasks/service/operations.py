"""The table of `google.longrunning.Operations`: what a batch left can be read again, and no more (CT-329, CT-330)."""

from google.longrunning.operations_pb2 import GetOperationRequest, Operation
from google.protobuf.message import Message

from gcptasks.service.batches import get_operation
from gcptasks.service.method import HttpRule, Method
from gcptasks.wire import operations as wire

CLOSED = frozenset(
    f"/{wire.SERVICE}/{name}" for name in ("ListOperations", "WaitOperation", "CancelOperation", "DeleteOperation")
)
"""The paths of methods that Google keeps from every caller."""
CLOSED_TEXT = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)


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
