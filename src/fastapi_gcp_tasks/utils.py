"""Paths of queues and locations, queues made ready, clients for a local service."""

from typing import TYPE_CHECKING, Any

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.flows import drive, drive_async
from gcptasks.base.names import QueueName, parse_location, parse_queue
from gcptasks.client import ensured_queues
from gcptasks.client.api import SCHEDULER, TASKS, address

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

_TIMEOUT = 10.0


def queue_path(*, project: str, location: str, queue: str) -> str:
    """`projects/P/locations/L/queues/Q`; `ValueError` if a part cannot be in such a path."""
    return str(_queue(f"projects/{project}/locations/{location}/queues/{queue}"))


def location_path(*, project: str, location: str) -> str:
    """`projects/P/locations/L`; `ValueError` if a part cannot be in such a path."""
    path = f"projects/{project}/locations/{location}"
    try:
        return str(parse_location(path))
    except InvalidArgument as error:
        raise ValueError(f"{path!r} is not a location: {error}") from None


def ensure_queue(*, client: "CloudTasksClient", path: str, **queue_fields: Any) -> None:
    """Create the queue if it does not exist. An existing queue is not changed.

    `queue_fields` are fields of `tasks_v2.Queue`, such as `rate_limits` and `retry_config`.
    """
    drive(ensured_queues.ensure_queue(_queue(path), _TIMEOUT, **queue_fields), lambda step: step.on(client))


async def ensure_queue_async(*, client: "CloudTasksAsyncClient", path: str, **queue_fields: Any) -> None:
    """Create the queue if it does not exist. An existing queue is not changed.

    `queue_fields` are fields of `tasks_v2.Queue`, such as `rate_limits` and `retry_config`.
    """
    await drive_async(ensured_queues.ensure_queue(_queue(path), _TIMEOUT, **queue_fields), lambda step: step.on(client))


def emulator_client(host: str = "localhost:8123") -> "CloudTasksClient":
    """A client for the local service at that address, without credentials."""
    return TASKS.make_client(address(host, "host"))


def async_emulator_client(host: str = "localhost:8123") -> "CloudTasksAsyncClient":
    """A client for the local service at that address, without credentials. Use it on the running event loop only."""
    return TASKS.make_async_client(address(host, "host"))


def scheduler_emulator_client(host: str = "localhost:8123") -> "CloudSchedulerClient":
    """A client for the jobs of the local service at that address, without credentials."""
    return SCHEDULER.make_client(address(host, "host"))


def async_scheduler_emulator_client(host: str = "localhost:8123") -> "CloudSchedulerAsyncClient":
    """A client for the jobs of the local service at that address, without credentials.

    Use it on the running event loop only.
    """
    return SCHEDULER.make_async_client(address(host, "host"))


def _queue(path: str) -> QueueName:
    try:
        return parse_queue(path)
    except InvalidArgument as error:
        raise ValueError(f"{path!r} is not a queue: {error}") from None
