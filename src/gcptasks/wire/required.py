"""Names that a request must have."""

from typing import TYPE_CHECKING

from gcptasks.base.errors import ErrorInfo, InvalidArgument

if TYPE_CHECKING:
    from google.protobuf.message import Message


class Required:
    """Hands on a name that is there; refuses an empty one as the API `service` at `host` does (CT-254).

    `required = Required("google.cloud.tasks.v2.CloudTasks", "cloudtasks.googleapis.com")`
    """

    def __init__(self, service: str, host: str) -> None:
        self._service = service
        self._host = host

    def __call__(self, text: str, request: "Message") -> str:
        """The name or parent that `request` has, as given; `InvalidArgument` if it is empty."""
        if text:
            return text
        # Google calls the request of a method by its name: GetTask has a GetTaskRequest.
        method = request.DESCRIPTOR.name.removesuffix("Request")
        metadata = {"method": f"{self._service}.{method}", "service": self._host}
        raise InvalidArgument(
            "Invalid resource field value in the request.",
            ErrorInfo("RESOURCE_PROJECT_INVALID", "googleapis.com", metadata),
        )
