"""Google's clients for those who bring none: real Google, or the emulator that the environment names."""

import asyncio
import os
import re
import sys
from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from gcptasks.client.per_loop import PerLoop

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

TASKS_EMULATOR = "CLOUD_TASKS_EMULATOR_HOST"

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_CHANNEL_OPTIONS = (
    # Google's own channels have no limit of their own either: the service's counts.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # An emulator is next door; the way out of the building does not lead there.
    ("grpc.enable_http_proxy", 0),
)


def address(text: str, name: str) -> str:
    """The `host:port` as given; `ValueError` naming `name` if it is not one."""
    match = _ADDRESS.fullmatch(text)
    if not match or not 0 < int(match[2]) < 65536:
        raise ValueError(f"{name} must be host:port, such as localhost:8123, not {text!r}")
    return text


def emulator_address(variable: str) -> str | None:
    """The address in that environment variable; None when it is not set, or empty."""
    text = os.environ.get(variable)
    return address(text, variable) if text else None


def tasks_client(emulator: str | None = None) -> "CloudTasksClient":
    """Google's client with default credentials, or one for the emulator at that address, with none."""
    from google.cloud.tasks_v2 import CloudTasksClient

    if emulator is None:
        return CloudTasksClient()
    import grpc
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

    channel = grpc.insecure_channel(emulator, options=_CHANNEL_OPTIONS)
    return CloudTasksClient(transport=CloudTasksGrpcTransport(host=emulator, channel=channel))


def async_tasks_client(emulator: str | None = None) -> "CloudTasksAsyncClient":
    """The same, async; it belongs to the running loop."""
    from google.cloud.tasks_v2 import CloudTasksAsyncClient

    if emulator is None:
        return CloudTasksAsyncClient()
    import grpc.aio
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

    channel = grpc.aio.insecure_channel(emulator, options=_CHANNEL_OPTIONS)
    return CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(host=emulator, channel=channel))


class ClientKind:
    """One of Google's client classes, told apart without importing it."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def owns(self, client: object) -> bool:
        """Whether `isinstance` says so; a mock with that spec is one."""
        # Nothing is an instance of a class that nobody has imported.
        cls: type | tuple[()] = getattr(sys.modules.get(self.module), self.name, ())
        return isinstance(client, cls)


TASKS_CLIENT = ClientKind("google.cloud.tasks_v2", "CloudTasksClient")
ASYNC_TASKS_CLIENT = ClientKind("google.cloud.tasks_v2", "CloudTasksAsyncClient")


class DefaultClient:
    """The client of those who bring none: made when first needed, then kept."""

    def __init__(self) -> None:
        self._client: CloudTasksClient | None = None
        self._lock = Lock()

    def get(self) -> "CloudTasksClient":
        """The client, the same for all threads."""
        with self._lock:
            if self._client is None:
                self._client = tasks_client(emulator_address(TASKS_EMULATOR))
            return self._client


class AsyncClients:
    """The clients of one builder: for each running loop one of each factory."""

    def __init__(self) -> None:
        self._made = PerLoop[dict[Callable[[], object], Any]](dict)

    def get(self, factory: "Callable[[], object] | None") -> "CloudTasksAsyncClient":
        """The running loop's client of that factory; without one, the default client."""
        made = self._made.get()
        factory = factory or self._default
        try:
            return made[factory]  # type: ignore[no-any-return]  # only clients are put in
        except KeyError:
            client = made[factory] = _async_client(factory)
            return client

    @cached_property
    def _emulator(self) -> str | None:
        return emulator_address(TASKS_EMULATOR)

    def _default(self) -> "CloudTasksAsyncClient":
        return async_tasks_client(self._emulator)


def _async_client(factory: Callable[[], object]) -> "CloudTasksAsyncClient":
    client = factory()
    if ASYNC_TASKS_CLIENT.owns(client):
        return client  # type: ignore[return-value]  # that is what was asked
    if asyncio.iscoroutine(client):
        client.close()
    raise TypeError(f"the client factory returned a {type(client).__name__}, not a CloudTasksAsyncClient")
