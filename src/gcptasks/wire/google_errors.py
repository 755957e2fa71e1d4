"""Our errors as the exceptions that users of Google's clients catch."""

from collections.abc import Callable
from typing import cast

from google.api_core import exceptions

from gcptasks.wire import common
from gcptasks.wire.codes import detail_messages, status_of

# Google gives it no types.
_from_grpc_status = cast("Callable[..., exceptions.GoogleAPICallError]", exceptions.from_grpc_status)


def as_google(error: BaseException) -> exceptions.GoogleAPICallError:
    """What Google's client raises when the service answers with that error; `errors` holds the error itself."""
    status = status_of(error)
    details = detail_messages(error)
    return _from_grpc_status(
        int(status.code),
        status.message,
        errors=(error,),
        details=details,
        error_info=next((detail for detail in details if isinstance(detail, common.ErrorInfo)), None),
    )
