"""Google's own clients without a network: transports that call the service of this process.

Users keep Google's client classes and the exceptions that those raise; only what carries the calls is ours.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksTransport

from gcptasks.base.errors import TaskError
from gcptasks.service.calls import Calls
from gcptasks.service.methods import METHODS, SERVICE, method
from gcptasks.wire.google_errors import as_google

Rpc = Callable[..., Any]

_ANSWERS: dict[str, Any] = {
    "CreateQueue": tasks_v2.Queue,
    "GetQueue": tasks_v2.Queue,
    "ListQueues": tasks_v2.ListQueuesResponse,
    "PauseQueue": tasks_v2.Queue,
    "ResumeQueue": tasks_v2.Queue,
    "PurgeQueue": tasks_v2.Queue,
    "CreateTask": tasks_v2.Task,
    "GetTask": tasks_v2.Task,
    "ListTasks": tasks_v2.ListTasksResponse,
    "RunTask": tasks_v2.Task,
}


def tasks_client(calls: Calls) -> tasks_v2.CloudTasksClient:
    """Google's client on the service of this process."""
    return tasks_v2.CloudTasksClient(transport=_Transport({name: _sync(calls, name) for name in METHODS}))


def async_tasks_client(calls: Calls) -> tasks_v2.CloudTasksAsyncClient:
    """Google's async client on the service of this process."""
    return tasks_v2.CloudTasksAsyncClient(transport=_AsyncTransport({name: _async(calls, name) for name in METHODS}))


def _sync(calls: Calls, name: str) -> Rpc:
    served, answer_type = METHODS[name], _ANSWERS.get(name)

    def rpc(request: Any, **options: Any) -> Any:
        try:
            answer = calls.call_sync(served, type(request).pb(request))
        except TaskError as error:
            raise as_google(error) from error
        return None if answer_type is None else answer_type.wrap(answer)

    return rpc


def _async(calls: Calls, name: str) -> Callable[..., Awaitable[Any]]:
    served, answer_type = METHODS[name], _ANSWERS.get(name)

    async def rpc(request: Any, **options: Any) -> Any:
        try:
            answer = await calls.call(served, type(request).pb(request))
        except TaskError as error:
            raise as_google(error) from error
        return None if answer_type is None else answer_type.wrap(answer)

    return rpc


def _not_served(path: str) -> Rpc:
    def rpc(request: Any, **options: Any) -> Any:
        try:
            return method(path)
        except TaskError as error:
            raise as_google(error) from error

    return rpc


class _Transport(CloudTasksTransport):
    def __init__(self, rpcs: dict[str, Rpc]) -> None:
        self.rpcs = rpcs
        super().__init__(credentials=AnonymousCredentials(), host="in-process")
        self._wrapped_methods = _AsTheyAre()

    @property
    def kind(self) -> str:
        return "in process"

    def close(self) -> None:
        """Nothing is open."""


def _attribute(path: str) -> property:
    """The attribute of a transport that holds the RPC of that path."""
    name = path.rpartition("/")[2]

    def rpc(transport: _Transport) -> Rpc:
        return transport.rpcs.get(name) or _not_served(path)

    return property(rpc)


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
        _rpc_name = "".join(part.capitalize() for part in _name.split("_"))
        setattr(_Transport, _name, _attribute(f"/{_service}/{_rpc_name}"))


class _AsyncTransport(_Transport):
    @property
    def kind(self) -> str:
        return "in process, async"


class _AsTheyAre(dict[Rpc, Rpc]):
    """Google wraps each RPC in retries and timeouts, which a call in this process needs none of."""

    def __missing__(self, rpc: Rpc) -> Rpc:
        return rpc
