from collections.abc import Callable, Iterator
from typing import cast

import grpc
import pytest
from google.api_core import exceptions
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc.aio import AioRpcError, Metadata

from gcptasks.base import errors
from gcptasks.base.errors import ErrorInfo, Help
from gcptasks.wire.codes import CODES, Code, status_of
from gcptasks.wire.google_errors import as_google

# Google gives it no types.
from_grpc_error = cast("Callable[..., exceptions.GoogleAPICallError]", exceptions.from_grpc_error)

HELP = Help("Definition of queue name", "https://example.com/names")
INFO = ErrorInfo("RESOURCE_PROJECT_INVALID", "googleapis.com", {"method": "M", "service": "S"})


def family(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    # Of our tree alone: other tests may have classes of their own.
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from family(child)


MAY_LEAVE_A_VERB = [*family(errors.ServiceError), *family(errors.StoreError)]


@pytest.mark.parametrize("kind", MAY_LEAVE_A_VERB)
def test_every_error_that_may_leave_a_verb_has_a_row(kind: type[BaseException]) -> None:
    assert kind in CODES


def test_the_table_has_no_other_rows() -> None:
    assert set(CODES) == set(MAY_LEAVE_A_VERB)


@pytest.mark.parametrize("code", Code)
def test_codes_are_those_of_grpc(code: Code) -> None:
    assert code == code_pb2.Code.Value(code.name)
    assert len(Code) == len(code_pb2.Code.keys())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidArgument("Invalid page_token"), Code.INVALID_ARGUMENT),
        (errors.NotFound(), Code.NOT_FOUND),
        (errors.AlreadyExists(), Code.ALREADY_EXISTS),
        (errors.FailedPrecondition(), Code.FAILED_PRECONDITION),
        (errors.Unimplemented(), Code.UNIMPLEMENTED),
        (errors.Unavailable(), Code.UNAVAILABLE),
        (errors.DeadlineExceeded(), Code.DEADLINE_EXCEEDED),
        (errors.Internal(), Code.INTERNAL),
        (errors.Busy(), Code.UNAVAILABLE),
        (errors.DiskFull(), Code.RESOURCE_EXHAUSTED),
        (errors.Corrupt(), Code.INTERNAL),
        (errors.WrongSchema(), Code.INTERNAL),
        (errors.StoreError("the disk is full"), Code.INTERNAL),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_of_ours_keeps_its_text(error: errors.TaskError, code: Code) -> None:
    """CT-259: and most carry no details."""
    status = status_of(error)
    assert (status.code, status.message, status.details_bin) == (code, str(error), None)


def test_a_class_without_a_row_has_that_of_its_base() -> None:
    class Full(errors.StoreError):
        """The disk is full."""

    assert status_of(Full()).code is Code.INTERNAL
    assert status_of(Full()).message == "The disk is full."


@pytest.mark.parametrize(
    "error", [KeyError("secret"), RuntimeError("secret"), errors.SetupError("secret"), SystemExit()]
)
def test_what_is_not_for_the_caller_stays_inside(error: BaseException) -> None:
    status = status_of(error)
    assert (status.code, status.message) == (Code.INTERNAL, "The local service failed; its log says why.")
    assert status.details_bin is None


def test_details_are_packed_in_their_order() -> None:
    """CT-023, CT-254"""
    status = status_of(errors.InvalidArgument("wrong", HELP, INFO))
    assert status.details_bin is not None
    packed = status_pb2.Status.FromString(status.details_bin)
    assert (packed.code, packed.message) == (3, "wrong")
    help_, info = error_details_pb2.Help(), error_details_pb2.ErrorInfo()
    assert packed.details[0].Unpack(help_)
    assert packed.details[1].Unpack(info)
    assert [(link.description, link.url) for link in help_.links] == [(HELP.description, HELP.url)]
    assert (info.reason, info.domain, dict(info.metadata)) == (INFO.reason, INFO.domain, INFO.metadata)


def raised_by_google(error: BaseException) -> exceptions.GoogleAPICallError:
    """What the client makes of a call that grpc ended with that error's status."""
    status = status_of(error)
    (code,) = (code for code in grpc.StatusCode if code.value[0] == status.code)
    trailing = Metadata(("grpc-status-details-bin", status.details_bin)) if status.details_bin else Metadata()
    return from_grpc_error(AioRpcError(code, Metadata(), trailing, details=status.message))


@pytest.mark.parametrize(
    "error",
    [
        *(kind() for kind in MAY_LEAVE_A_VERB),
        errors.InvalidArgument("Invalid page_token"),
        errors.InvalidArgument("wrong", HELP),
        errors.InvalidArgument("wrong", HELP, INFO),
        KeyError("secret"),
    ],
    ids=repr,
)
def test_users_meet_what_googles_client_raises(error: BaseException) -> None:
    """The same exception in process and over grpc."""
    ours, theirs = as_google(error), raised_by_google(error)
    assert type(ours) is type(theirs)
    assert (ours.code, ours.grpc_status_code, ours.message) == (theirs.code, theirs.grpc_status_code, theirs.message)
    assert ours.details == theirs.details
    assert (ours.reason, ours.domain, ours.metadata) == (theirs.reason, theirs.domain, theirs.metadata)
    assert str(ours) == str(theirs)


def test_the_names_that_users_catch() -> None:
    assert isinstance(as_google(errors.AlreadyExists()), exceptions.AlreadyExists)
    assert isinstance(as_google(errors.NotFound()), exceptions.NotFound)
    assert isinstance(as_google(errors.InvalidArgument()), exceptions.InvalidArgument)
    assert isinstance(as_google(errors.Busy()), exceptions.ServiceUnavailable)
    assert isinstance(as_google(ZeroDivisionError()), exceptions.InternalServerError)


def test_the_error_itself_stays_at_hand() -> None:
    error = errors.NotFound()
    assert as_google(error).errors == [error]
