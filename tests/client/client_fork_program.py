"""A process that forks while it has an async client of its own, whose thread of gRPC the child does not have."""

import asyncio
import contextlib
import os
import signal
import sys

from google.api_core.exceptions import ServiceUnavailable
from google.cloud.tasks_v2 import CloudTasksAsyncClient

from gcptasks.client.api import TASKS
from gcptasks.client.default_clients import AsyncClients

PATIENCE = 20
"""Seconds after which the child is taken to hang."""


async def call(clients: "AsyncClients[CloudTasksAsyncClient]") -> None:
    with contextlib.suppress(ServiceUnavailable):
        request = {"name": "projects/p/locations/l/queues/q"}
        await clients.get(None).get_queue(request=request, timeout=1.0, retry=None)


def ended(child: int) -> int:
    """The exit code of the child; that of a kill if it hangs."""

    def kill(number: int, frame: object) -> None:
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, kill)
    signal.alarm(PATIENCE)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def main() -> int:
    clients = AsyncClients(TASKS)
    await call(clients)
    child = os.fork()
    if child == 0:
        os._exit(0)
    return ended(child)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
