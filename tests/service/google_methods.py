"""What Google's own libraries say about the methods of the APIs."""

from typing import Any, NamedTuple
from unittest.mock import create_autospec, patch

import grpc
from google.cloud.location import locations_pb2
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import CloudSchedulerGrpcTransport
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2
from google.protobuf.message_factory import GetMessageClass

TRANSPORTS: dict[str, Any] = {
    "google.cloud.tasks.v2.CloudTasks": CloudTasksGrpcTransport,
    "google.cloud.scheduler.v1.CloudScheduler": CloudSchedulerGrpcTransport,
}
"""Google's transports, by the API that they are for."""


class GoogleMethod(NamedTuple):
    """A method, with the classes that Google's clients have for its messages."""

    path: str
    request: Any
    response: Any


def methods_of(transport: Any) -> list[GoogleMethod]:
    """All that Google's transport can call."""
    channel = create_autospec(grpc.Channel, instance=True)
    # An interceptor, which newer ones put before the channel, would ask it for nothing until a call is made.
    with patch.object(grpc, "intercept_channel", _as_it_is):
        made = transport(channel=channel)
    for name in dir(transport):
        if isinstance(getattr(transport, name), property) and name != "operations_client":
            getattr(made, name)
    return [_method(*call.args, **call.kwargs) for call in channel.unary_unary.call_args_list]


def methods_by_path() -> dict[str, GoogleMethod]:
    """All methods that Google's transports can call, those of Locations and Operations among them."""
    return {method.path: method for transport in TRANSPORTS.values() for method in methods_of(transport)}


def raw(cls: Any) -> Any:
    """The protobuf class behind one of proto-plus; a protobuf class itself."""
    return cls.pb() if hasattr(cls, "pb") else cls


def _as_it_is(channel: Any, *interceptors: Any) -> Any:
    return channel


def _method(path: str, request_serializer: Any, response_deserializer: Any) -> GoogleMethod:
    request = getattr(request_serializer, "__self__", None) or _described(path.rpartition("/")[2])
    return GoogleMethod(path, request, response_deserializer.__self__)


def _described(name: str) -> Any:
    """The request of a method whose serializer is bound to no class, as those of raw messages are."""
    descriptions = (
        locations_pb2.DESCRIPTOR.services_by_name["Locations"],
        operations_pb2.DESCRIPTOR.services_by_name["Operations"],
        iam_policy_pb2.DESCRIPTOR.services_by_name["IAMPolicy"],
    )
    (method,) = (method for service in descriptions for method in service.methods if method.name == name)
    return GetMessageClass(method.input_type)
