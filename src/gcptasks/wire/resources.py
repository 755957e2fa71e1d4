"""What requests are about: read from names, and refused as Google's gateway refuses them.

The gateway looks at the name before the API does. It asks which project is meant, and whether the caller may do this
there. So to Google a name of another shape is first of all a thing that the caller has no permission for.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from gcptasks.base.errors import ErrorInfo, Help, LocalizedMessage, MalformedName, PermissionDenied, ServiceError
from gcptasks.base.names import is_project_id
from gcptasks.wire.required import Required

if TYPE_CHECKING:
    from google.protobuf.message import Message

Name = TypeVar("Name")


class Resources:
    """Reads the names that requests of the API `service` at `host` are about.

    `resource = Resources("google.cloud.tasks.v2.CloudTasks", "cloudtasks.googleapis.com", PERMISSIONS)`
    """

    def __init__(self, service: str, host: str, permissions: Mapping[str, str]) -> None:
        """`permissions` has what each method needs, by its name; of a method without one Google tells the shape."""
        self._required = Required(service, host)
        self._host = host
        self._permissions = permissions

    def __call__(self, parse: Callable[[str], Name], text: str, request: "Message") -> Name:
        """What `request` is about: `text` is its name, as sent.

        `InvalidArgument` if it is empty (CT-254), `PermissionDenied` if it lies in no project (CT-025) or has another
        shape (CT-255).
        """
        try:
            return parse(text)
        except MalformedName as error:
            raise self._refusal(text, request, error) from None

    def _refusal(self, text: str, request: "Message", malformed: MalformedName) -> ServiceError:
        if not self._required(text, request).startswith("projects/"):
            return _not_a_project(text, self._host)
        project = self._required(text.split("/")[1], request)
        if not is_project_id(project):
            return _not_a_project(project, self._host)
        # Google calls the request of a method by its name: GetTask has a GetTaskRequest.
        permission = self._permissions.get(request.DESCRIPTOR.name.removesuffix("Request"))
        return malformed if permission is None else _lacks(permission, text)


def _not_a_project(project: str, host: str) -> PermissionDenied:
    message = f"Permission denied on resource project {project}."
    metadata = {"consumer": f"projects/{project}", "containerInfo": project, "service": host}
    return PermissionDenied(
        message,
        ErrorInfo("CONSUMER_INVALID", "googleapis.com", metadata),
        LocalizedMessage("en-US", message),
        Help("Google developers console", "https://console.developers.google.com"),
    )


def _lacks(permission: str, text: str) -> PermissionDenied:
    return PermissionDenied(
        f'The principal (user or service account) lacks IAM permission "{permission}" for the resource "{text}" '
        "(or the resource may not exist)."
    )
