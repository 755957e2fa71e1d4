"""The peer with the crate and one uvicorn worker: `peer flow|light`, `async|sync` calls, `async|sync` endpoint."""

import os
import sys
from functools import partial
from typing import Any

from fastapi import FastAPI
from google.cloud.tasks_v2 import Queue

from bench.contestants import servers
from bench.contestants.load import LIGHT_TASKS, TASKS, latency, run, sync_throughput, throughput
from bench.contestants.noops import PARENT, QUEUES, application, in_turns
from bench.contestants.tally import Hearer
from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder
from fastapi_gcp_tasks.utils import async_emulator_client, emulator_client

SYNC_ENDPOINT = "BENCH_SYNC_ENDPOINT"


def worker() -> FastAPI:
    """The worker's application, as uvicorn asks for it."""
    route = AsyncDelayedRouteBuilder(base_url="http://unused", queue_path=QUEUES[0])
    return application(route, sync=SYNC_ENDPOINT in os.environ)[0]


def create_queues(address: str) -> None:
    """The queues, as fast as Google lets them be."""
    client = emulator_client(host=address)
    for name in QUEUES:
        client.create_queue(parent=PARENT, queue=Queue(name=name))


def call(builder: Any, client: Any, url: str) -> Any:
    """What enqueues a no-op that the worker at this URL will run."""
    route = builder(base_url=url, queue_path=QUEUES[0], client=client, auto_create_queue=False)
    return in_turns(application(route)[1])


def async_call(address: str, url: str) -> Any:
    """The same by the coroutine."""
    return call(AsyncDelayedRouteBuilder, partial(async_emulator_client, host=address), url)


def main(what: str, calls: str, endpoint: str) -> None:
    if endpoint == "sync":
        os.environ[SYNC_ENDPOINT] = "1"
    with Hearer(TASKS if what == "flow" else LIGHT_TASKS) as hearer, servers.crate() as address:
        create_queues(address)
        with servers.uvicorn("bench.contestants.peer:worker") as url:
            if what == "light":
                run(latency(async_call(address, url), hearer))
            elif calls == "async":
                run(throughput(async_call(address, url), hearer))
            else:
                run(sync_throughput(call(DelayedRouteBuilder, emulator_client(host=address), url), hearer))


if __name__ == "__main__":
    main(*sys.argv[1:])
