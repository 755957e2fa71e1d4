"""What Google's own libraries say about the methods of the APIs that are served."""

from typing import Any, NamedTuple
from unittest.mock import create_autospec, patch

import grpc
from google.cloud.location import locations_pb2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.longrunning import operations_pb2

TRANSPORTS: dict[str, Any] = {"google.cloud.tasks.v2.CloudTasks": CloudTasksGrpcTransport}
"""Google's transports, for APIs that come without a description of themselves."""
DESCRIPTIONS: list[Any] = [
    locations_pb2.DESCRIPTOR.services_by_name["Locations"],
    operations_pb2.DESCRIPTOR.services_by_name["Operations"],
]


class Types(NamedTuple):
    """The full names of a method's messages."""

    request: str
    response: str


class Called(NamedTuple):
    """What a transport of Google's makes of one of its methods."""

    path: str
    request_serializer: Any
    response_deserializer: Any

    @property
    def types(self) -> Types:
        return Types(_full_name(self.request_serializer), _full_name(self.response_deserializer))


def called_by(transport: Any) -> list[Called]:
    """All that Google's transport can call."""
    channel = create_autospec(grpc.Channel, instance=True)
    # An interceptor, which newer ones put before the channel, would ask it for nothing until a call is made.
    with patch.object(grpc, "intercept_channel", _as_it_is):
        made = transport(channel=channel)
    for name in dir(transport):
        if isinstance(getattr(transport, name), property) and name != "operations_client":
            getattr(made, name)
    return [Called(*call.args, **call.kwargs) for call in channel.unary_unary.call_args_list]


def types_by_path() -> dict[str, Types]:
    """The messages of every method, by its path."""
    types = {
        f"/{service.full_name}/{method.name}": Types(method.input_type.full_name, method.output_type.full_name)
        for service in DESCRIPTIONS
        for method in service.methods
    }
    for service, transport in TRANSPORTS.items():
        for called in called_by(transport):
            # Some messages are of other packages, such as google.iam: their serializers do not say whose they are.
            if called.path.startswith(f"/{service}/") and hasattr(called.request_serializer, "__self__"):
                types[called.path] = called.types
    return types


def _as_it_is(channel: Any, *interceptors: Any) -> Any:
    return channel


def _full_name(method: Any) -> str:
    """The message of a method that is bound to its class: `Task.deserialize`, `Empty.FromString`."""
    cls = method.__self__
    return str((cls.pb() if hasattr(cls, "pb") else cls).DESCRIPTOR.full_name)
