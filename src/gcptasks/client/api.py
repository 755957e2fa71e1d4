"""Google's APIs, each with its client classes and what makes them. Importing this loads nothing of Google's."""

import os
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeGuard, TypeVar

from gcptasks.client.bare_calls import BareCall, with_bare_call

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

Client = TypeVar("Client")
AsyncClient = TypeVar("AsyncClient")

_ADDRESS = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})"
CHANNEL_OPTIONS = (
    # Google's own channels have no limit of their own either: the service's counts.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # An emulator is next door; the way out of the building does not lead there.
    ("grpc.enable_http_proxy", 0),
    # Otherwise a forked child's channel begins on its parent's connection, and now and then its first call fails.
    ("grpc.use_local_subchannel_pool", 1),
)


def address(text: str, name: str) -> str:
    """The `host:port` as given; `ValueError` naming `name` if it is not one."""
    match = re.fullmatch(_ADDRESS, text)
    if not match or not 0 < int(match[2]) < 65536:
        raise ValueError(f"{name} must be host:port, such as localhost:8123, not {text!r}")
    return text


class ClientKind(Generic[Client]):
    """One of Google's client classes, told apart without importing it."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def owns(self, client: object) -> "TypeGuard[Client]":
        """Whether `isinstance` says so; a mock with that spec is one."""
        # Nothing is an instance of a class that nobody has imported.
        cls: type | tuple[()] = getattr(sys.modules.get(self.module), self.name, ())
        return isinstance(client, cls)

    def load(self) -> Any:
        """The class, imported."""
        return getattr(import_module(self.module), self.name)


class Api(Generic[Client, AsyncClient]):
    """One of Google's APIs, as whoever calls it needs it. Another API is one more record at the end of this file."""

    # No dataclass: to make one would take half a millisecond of the start of every application.
    def __init__(
        self,
        *,
        service: str,
        variable: str,
        client: ClientKind[Client],
        async_client: ClientKind[AsyncClient],
        bare: BareCall | None = None,
        tried_again: frozenset[str] = frozenset(),
    ) -> None:
        self.service = service
        """Its full name: `google.cloud.tasks.v2.CloudTasks`."""
        self.variable = variable
        """The environment variable that names an emulator of it."""
        self.client = client
        self.async_client = async_client
        self.tried_again = tried_again
        """The calls that Google's clients make again where the service cannot be reached or does not answer."""
        self._bare = bare

    def emulator(self) -> str | None:
        """The address in the environment variable; None when it is not set, or empty."""
        text = os.environ.get(self.variable)
        return address(text, self.variable) if text else None

    def client_class(self) -> Any:
        """Google's class, with a shorter way for the call of which there are many."""
        cls = self.client.load()
        return cls if self._bare is None else with_bare_call(cls, self._bare)

    def async_client_class(self) -> Any:
        """The same, async."""
        cls = self.async_client.load()
        return cls if self._bare is None else with_bare_call(cls, self._bare)

    def make_client(self, emulator: str | None = None) -> Client:
        """Google's client with default credentials, or one for the emulator at that address, with none."""
        cls = self.client_class()
        made: Client = self._of_google(cls) if emulator is None else cls(transport=_transport(cls, emulator))
        return made

    def make_async_client(self, emulator: str | None = None) -> AsyncClient:
        """The same, async; it belongs to the running loop."""
        cls = self.async_client_class()
        made: AsyncClient = self._of_google(cls) if emulator is None else cls(transport=_async_transport(cls, emulator))
        return made

    def _of_google(self, cls: Any) -> Any:
        try:
            return cls()
        except Exception as error:
            # Mostly that there are no credentials, where a local service was meant.
            error.add_note(
                f"This is the client of Google's service. For a local one set {self.variable} to its address, such as "
                "localhost:8123; fastapi-gcp-tasks dev does so for the application that it runs."
            )
            raise


def _transport(cls: Any, emulator: str) -> Any:
    import grpc

    channel = grpc.insecure_channel(emulator, options=CHANNEL_OPTIONS)
    return cls.get_transport_class("grpc")(host=emulator, channel=channel)


def _async_transport(cls: Any, emulator: str) -> Any:
    import grpc.aio

    channel = grpc.aio.insecure_channel(emulator, options=CHANNEL_OPTIONS)
    return cls.get_transport_class("grpc_asyncio")(host=emulator, channel=channel)


TASKS: "Api[CloudTasksClient, CloudTasksAsyncClient]" = Api(
    service="google.cloud.tasks.v2.CloudTasks",
    variable="CLOUD_TASKS_EMULATOR_HOST",
    client=ClientKind("google.cloud.tasks_v2", "CloudTasksClient"),
    async_client=ClientKind("google.cloud.tasks_v2", "CloudTasksAsyncClient"),
    bare=BareCall("create_task", "/google.cloud.tasks.v2.CloudTasks/CreateTask", "CreateTaskRequest", "Task"),
    tried_again=frozenset(("get_queue", "list_queues", "delete_queue", "get_task", "list_tasks", "delete_task")),
)
SCHEDULER: "Api[CloudSchedulerClient, CloudSchedulerAsyncClient]" = Api(
    service="google.cloud.scheduler.v1.CloudScheduler",
    variable="CLOUD_SCHEDULER_EMULATOR_HOST",
    client=ClientKind("google.cloud.scheduler_v1", "CloudSchedulerClient"),
    async_client=ClientKind("google.cloud.scheduler_v1", "CloudSchedulerAsyncClient"),
    tried_again=frozenset(("get_job", "list_jobs", "delete_job")),  # CS-009
)
