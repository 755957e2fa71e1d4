"""Ours inside the application, durable: `ours flow|light`, `async|sync` calls, `async|sync` endpoint."""

import sys
from tempfile import TemporaryDirectory
from typing import Any

from google.cloud.tasks_v2 import Queue, RateLimits

from bench.contestants.load import LIGHT_TASKS, TASKS, latency, run, sync_throughput, throughput
from bench.contestants.noops import PARENT, QUEUES, application, in_turns
from bench.contestants.tally import Hearer
from bench.places import ROOT
from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder, LocalService

URL = "http://app.local"


def create_queues(local: LocalService) -> None:
    """Queues that hold nothing back."""
    limits = RateLimits(max_dispatches_per_second=1_000_000, max_concurrent_dispatches=1_000)
    client = local.tasks_client()
    for name in QUEUES:
        client.create_queue(parent=PARENT, queue=Queue(name=name, rate_limits=limits))


def builder(local: LocalService, calls: str) -> Any:
    """The route class for calls of this kind."""
    if calls == "async":
        return AsyncDelayedRouteBuilder(client=local.async_tasks_client, base_url=URL, queue_path=QUEUES[0])
    return DelayedRouteBuilder(client=local.tasks_client(), base_url=URL, queue_path=QUEUES[0], auto_create_queue=False)


async def measure(folder: str, hearer: Hearer, what: str, calls: str, endpoint: str) -> dict[str, float]:
    local = LocalService(f"sqlite:///{folder}/tasks.db", app_url=URL, quotas="none")
    create_queues(local)
    app, noop = application(builder(local, calls), sync=endpoint == "sync")
    call = in_turns(noop)
    async with local.running(app):
        if what == "light":
            return await latency(call, hearer)
        if calls == "async":
            return await throughput(call, hearer)
        return await sync_throughput(call, hearer)


def main(what: str, calls: str, endpoint: str) -> None:
    # Beside the code, because a machine's folder for temporary files may be memory, which makes durability free.
    with Hearer(TASKS if what == "flow" else LIGHT_TASKS) as hearer, TemporaryDirectory(dir=ROOT / ".bench") as folder:
        run(measure(folder, hearer, what, calls, endpoint))


if __name__ == "__main__":
    main(*sys.argv[1:])
