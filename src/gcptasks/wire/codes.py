"""The one table from our errors to gRPC's codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from google.protobuf.any_pb2 import Any

from gcptasks.base import errors
from gcptasks.wire import common


class Code(IntEnum):
    """gRPC's codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


CODES: Mapping[type[BaseException], Code] = {
    errors.ServiceError: Code.UNKNOWN,
    errors.InvalidArgument: Code.INVALID_ARGUMENT,
    errors.MalformedName: Code.INVALID_ARGUMENT,
    errors.NotFound: Code.NOT_FOUND,
    errors.AlreadyExists: Code.ALREADY_EXISTS,
    errors.Unauthenticated: Code.UNAUTHENTICATED,
    errors.PermissionDenied: Code.PERMISSION_DENIED,
    errors.FailedPrecondition: Code.FAILED_PRECONDITION,
    errors.Aborted: Code.ABORTED,
    errors.ResourceExhausted: Code.RESOURCE_EXHAUSTED,
    errors.Unimplemented: Code.UNIMPLEMENTED,
    errors.Unavailable: Code.UNAVAILABLE,
    errors.DeadlineExceeded: Code.DEADLINE_EXCEEDED,
    errors.Internal: Code.INTERNAL,
    errors.StoreError: Code.INTERNAL,
    # SQLite refuses a lock before the transaction has written, so clients may call again (CT-007).
    errors.Busy: Code.UNAVAILABLE,
    errors.DiskFull: Code.RESOURCE_EXHAUSTED,
    errors.Corrupt: Code.INTERNAL,
    errors.WrongSchema: Code.INTERNAL,
}
"""What may leave a verb. A subclass without a row has its base's."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a refused call ends on the wire."""

    code: Code
    message: str
    details_bin: bytes | None = None
    """A serialized `google.rpc.Status`, for `grpc-status-details-bin`; None without details."""


def status_of(error: BaseException) -> Status:
    """What the caller is told; an error that is not in the table is `Internal`, and its text stays inside."""
    for kind in type(error).__mro__:
        if (code := CODES.get(kind)) is not None:
            return Status(code, str(error), _details_bin(code, error))
    return Status(Code.INTERNAL, str(errors.Internal()))


DetailMessage: TypeAlias = common.Help | common.ErrorInfo | common.BadRequest | common.LocalizedMessage


def detail_messages(error: BaseException) -> list[DetailMessage]:
    """The error's details as messages, in their order."""
    return [_detail(detail) for detail in error.details] if isinstance(error, errors.ServiceError) else []


def _detail(detail: errors.Detail) -> DetailMessage:
    match detail:
        case errors.Help(description=description, url=url):
            return common.Help(links=[common.Help.Link(description=description, url=url)])
        case errors.ErrorInfo(reason=reason, domain=domain, metadata=metadata):
            return common.ErrorInfo(reason=reason, domain=domain, metadata=metadata)
        case errors.BadRequest(violations=violations):
            fields = [common.BadRequest.FieldViolation(field=field, description=text) for field, text in violations]
            return common.BadRequest(field_violations=fields)
        case errors.LocalizedMessage(locale=locale, message=message):
            return common.LocalizedMessage(locale=locale, message=message)


def _details_bin(code: Code, error: BaseException) -> bytes | None:
    details = detail_messages(error)
    if not details:
        return None
    status = common.Status(code=code, message=str(error), details=map(packed, details))
    return status.SerializeToString()


def packed(message: DetailMessage) -> Any:
    """The detail as `google.rpc.Status` carries it."""
    packed = Any()
    packed.Pack(message)
    return packed
