"""Google's own clients without a network: transports that call the service of this process.

Users keep Google's client classes and the exceptions that those raise; only what carries the calls is ours.
"""

from collections.abc import Awaitable, Callable
from functools import cached_property, partial
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksTransport
from google.protobuf.message import Message

from gcptasks.base.errors import TaskError
from gcptasks.service.calls import Calls
from gcptasks.wire.cloud_tasks.names import SERVICE
from gcptasks.wire.google_errors import as_google

Rpc = Callable[..., Any]


def tasks_client(calls: Calls) -> tasks_v2.CloudTasksClient:
    """Google's client on the service of this process."""
    return tasks_v2.CloudTasksClient(transport=_Transport(partial(_sync, calls)))


def async_tasks_client(calls: Calls) -> tasks_v2.CloudTasksAsyncClient:
    """Google's async client on the service of this process."""
    return tasks_v2.CloudTasksAsyncClient(transport=_AsyncTransport(partial(_async, calls)))


def _sync(calls: Calls, path: str) -> Rpc:
    def rpc(request: Any, **options: Any) -> Any:
        try:
            response = calls.call_sync(path, _raw(request))
        except TaskError as error:
            raise as_google(error) from error
        return _wrappers[type(response)](response)

    return rpc


def _async(calls: Calls, path: str) -> Callable[..., Awaitable[Any]]:
    async def rpc(request: Any, **options: Any) -> Any:
        try:
            response = await calls.call(path, _raw(request))
        except TaskError as error:
            raise as_google(error) from error
        return _wrappers[type(response)](response)

    return rpc


def _raw(request: Any) -> Any:
    # The messages of some packages, such as google.cloud.location, are raw already.
    pb = getattr(request.__class__, "pb", None)
    return request if pb is None else pb(request)


class _Wrappers(dict[type[Message], Callable[[Any], Any]]):
    """What makes of a response what Google's clients return: their class around it, if its package has classes."""

    def __missing__(self, message: type[Message]) -> Callable[[Any], Any]:
        own = message.DESCRIPTOR.full_name.startswith("google.cloud.tasks.")
        wrap = self[message] = getattr(tasks_v2, message.DESCRIPTOR.name).wrap if own else lambda response: response
        return wrap


_wrappers = _Wrappers()


class _Transport(CloudTasksTransport):
    def __init__(self, rpc: Callable[[str], Rpc]) -> None:
        self.rpc = rpc
        super().__init__(credentials=AnonymousCredentials(), host="in-process")
        self._wrapped_methods = _AsTheyAre()

    @property
    def kind(self) -> str:
        return "in process"

    def close(self) -> None:
        """Nothing is open."""


def _attribute(path: str) -> "cached_property[Rpc]":
    def rpc(transport: _Transport) -> Rpc:
        return transport.rpc(path)

    return cached_property(rpc)


_ATTRIBUTES = {
    SERVICE: (
        *("list_queues", "get_queue", "create_queue", "update_queue", "delete_queue", "purge_queue", "pause_queue"),
        *("resume_queue", "get_iam_policy", "set_iam_policy", "test_iam_permissions", "list_tasks", "get_task"),
        *("create_task", "batch_create_tasks", "delete_task", "batch_delete_tasks", "run_task", "get_cmek_config"),
        "update_cmek_config",
    ),
    "google.longrunning.Operations": ("get_operation",),
    "google.cloud.location.Locations": ("get_location", "list_locations"),
}
"""What the transports of Google's clients have: `create_task` for CreateTask."""

for _service, _names in _ATTRIBUTES.items():
    for _name in _names:
        _path = f"/{_service}/" + "".join(part.capitalize() for part in _name.split("_"))
        _rpc = _attribute(_path)
        _rpc.__set_name__(_Transport, _name)
        setattr(_Transport, _name, _rpc)


class _AsyncTransport(_Transport):
    @property
    def kind(self) -> str:
        return "in process, async"


class _AsTheyAre(dict[Rpc, Rpc]):
    """Google wraps each RPC in retries and timeouts, which a call in this process needs none of."""

    def __missing__(self, rpc: Rpc) -> Rpc:
        return rpc
