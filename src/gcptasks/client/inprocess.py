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
from gcptasks.service.methods import METHODS, method
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


class _Served:
    """The attribute of a transport that holds one RPC, `create_task` for CreateTask."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = "".join(part.capitalize() for part in name.split("_"))

    def __get__(self, transport: "_Transport", owner: type) -> Rpc:
        return transport.rpcs.get(self._name) or _not_served(self._name)


def _not_served(name: str) -> Rpc:
    def rpc(request: Any, **options: Any) -> Any:
        try:
            return method(name)
        except TaskError as error:
            raise as_google(error) from error

    return rpc


class _Transport(CloudTasksTransport):
    kind = "in process"

    def __init__(self, rpcs: dict[str, Rpc]) -> None:
        self.rpcs = rpcs
        super().__init__(credentials=AnonymousCredentials(), host="in-process")
        self._wrapped_methods = _AsTheyAre()

    def close(self) -> None:
        """Nothing is open."""

    list_queues = _Served()
    get_queue = _Served()
    create_queue = _Served()
    update_queue = _Served()
    delete_queue = _Served()
    purge_queue = _Served()
    pause_queue = _Served()
    resume_queue = _Served()
    get_iam_policy = _Served()
    set_iam_policy = _Served()
    test_iam_permissions = _Served()
    list_tasks = _Served()
    get_task = _Served()
    create_task = _Served()
    batch_create_tasks = _Served()
    delete_task = _Served()
    batch_delete_tasks = _Served()
    run_task = _Served()
    get_cmek_config = _Served()
    update_cmek_config = _Served()
    get_operation = _Served()
    get_location = _Served()
    list_locations = _Served()


class _AsyncTransport(_Transport):
    kind = "in process, async"


class _AsTheyAre(dict[Rpc, Rpc]):
    """Google wraps each RPC in retries and timeouts, which a call in this process needs none of."""

    def __missing__(self, rpc: Rpc) -> Rpc:
        return rpc
