"""Every error of ours, in one tree.

TaskError
├─ SetupError       the program is wrong
│  ├─ MissingExtra
│  └─ PortInUse
├─ ArgumentError    a call does not fit its endpoint or function
│  ├─ MissingParamError
│  └─ WrongTypeError
├─ ServiceError     the queue service refused; one class per gRPC code that we use
│  ├─ InvalidArgument
│  │  └─ MalformedName
│  ├─ NotFound
│  ├─ AlreadyExists
│  ├─ Unauthenticated
│  ├─ PermissionDenied
│  ├─ FailedPrecondition
│  ├─ Aborted
│  ├─ ResourceExhausted
│  ├─ Unimplemented
│  ├─ Unavailable
│  ├─ DeadlineExceeded
│  └─ Internal
├─ DeliveryError    an attempt got no usable answer
│  ├─ Unreachable
│  ├─ DeadlinePassed
│  └─ BadReply
└─ StoreError       the database cannot be used
   ├─ Busy
   ├─ DiskFull
   ├─ Corrupt
   └─ WrongSchema

A user of a client sees the exceptions of `google.api_core`, whichever transport the client has.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType


class TaskError(Exception):
    """Something about a task went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message if message is not None else type(self).__doc__)


class SetupError(TaskError):
    """The program is not set up as it must be."""


class MissingExtra(SetupError, ImportError):
    """A part of the package was not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{what} needs an extra: pip install 'fastapi-gcp-tasks[{extra}]'")


class PortInUse(SetupError):
    """Another program listens at the port."""

    def __init__(self, host: str, port: int) -> None:
        self.port = port
        super().__init__(
            f"cannot listen on {host}:{port}: the port is in use. Stop the program that listens there, "
            "or choose another port"
        )


class ArgumentError(TaskError):
    """The arguments do not fit the endpoint, or the function."""


class MissingParamError(ArgumentError, ValueError):
    """A required argument is missing."""

    __module__ = "fastapi_gcp_tasks.exception"  # where users import it from


class WrongTypeError(ArgumentError, ValueError):
    """An argument has the wrong type, or would arrive as another value."""

    __module__ = "fastapi_gcp_tasks.exception"  # where users import it from


class _Value:
    """Equal by what is in it.

    Making a dataclass or a named tuple takes longer than making all the errors here, and every program that has tasks
    pays for it at its start.
    """

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, vars(self).values()))})"


class Help(_Value):
    """A `google.rpc.Help` detail with one link."""

    def __init__(self, description: str, url: str) -> None:
        self.description = description
        self.url = url


class ErrorInfo(_Value):
    """A `google.rpc.ErrorInfo` detail."""

    def __init__(self, reason: str, domain: str, metadata: Mapping[str, str] = MappingProxyType({})) -> None:
        self.reason = reason
        self.domain = domain
        self.metadata = metadata


class BadRequest(_Value):
    """A `google.rpc.BadRequest` detail: fields of a request, and what is wrong with each."""

    def __init__(self, violations: Sequence[tuple[str, str]]) -> None:
        self.violations = violations


class LocalizedMessage(_Value):
    """A `google.rpc.LocalizedMessage` detail."""

    def __init__(self, locale: str, message: str) -> None:
        self.locale = locale
        self.message = message


Detail = Help | ErrorInfo | BadRequest | LocalizedMessage


class ServiceError(TaskError):
    """The queue service refused the call."""

    def __init__(self, message: str | None = None, *details: Detail) -> None:
        super().__init__(message)
        self.message = str(self)
        self.details = details


class InvalidArgument(ServiceError):
    """The request is not valid."""


class MalformedName(InvalidArgument):
    """The text does not have the shape of a name."""


class NotFound(ServiceError):
    """Requested entity was not found."""


class AlreadyExists(ServiceError):
    """Requested entity already exists"""


class Unauthenticated(ServiceError):
    """The call needs a token."""


class PermissionDenied(ServiceError):
    """The caller may not do this."""


class FailedPrecondition(ServiceError):
    """The service is not in the state that this call needs."""


class Aborted(ServiceError):
    """Another call came in between."""


class ResourceExhausted(ServiceError):
    """The service has as much to do as it may have."""


class Unimplemented(ServiceError):
    """The local service does not have this yet."""


class Unavailable(ServiceError):
    """The service is stopping."""


class DeadlineExceeded(ServiceError):
    """The call took longer than its deadline."""


class Internal(ServiceError):
    """The local service failed; its log says why."""


class DeliveryError(TaskError):
    """The attempt got no usable answer."""


class Unreachable(DeliveryError):
    """The worker could not be reached."""


class DeadlinePassed(DeliveryError):
    """The worker did not answer within the dispatch deadline."""


class BadReply(DeliveryError):
    """The worker's answer is not HTTP."""


class StoreError(TaskError):
    """The database cannot be used."""


class Busy(StoreError):
    """The database is locked by another process."""


class DiskFull(StoreError):
    """The disk of the database is full."""


class Corrupt(StoreError):
    """The file is not a database of this service."""


class WrongSchema(StoreError):
    """The database was written by another version of this service."""
