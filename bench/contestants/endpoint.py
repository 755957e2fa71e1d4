"""An endpoint that enqueues one task a request, under load, in one uvicorn worker: `endpoint ours`, `endpoint peer`."""

import os
import sys
from functools import partial
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from fastapi import FastAPI

from bench.contestants import servers
from bench.contestants.frozen import freeze
from bench.contestants.load import TASKS, run
from bench.contestants.noops import QUEUES, application, in_turns
from bench.contestants.tally import Hearer
from bench.contestants.web_load import requests_a_second

CONNECTIONS = 32
ADDRESS, FOLDER, URL = "BENCH_ADDRESS", "BENCH_FOLDER", "BENCH_URL"


def ours() -> FastAPI:
    """The application with the service inside."""
    from bench.contestants import embedding
    from fastapi_gcp_tasks import AsyncDelayedRouteBuilder

    local = embedding.service(os.environ[FOLDER])
    embedding.create_queues(local)
    app = with_endpoint(
        AsyncDelayedRouteBuilder(client=local.async_tasks_client, base_url=embedding.URL, queue_path=QUEUES[0])
    )
    local.install(app)
    return app


def peer() -> FastAPI:
    """The application whose tasks the crate sends back to it."""
    from fastapi_gcp_tasks import AsyncDelayedRouteBuilder
    from fastapi_gcp_tasks.utils import async_emulator_client

    client = partial(async_emulator_client, host=os.environ[ADDRESS])
    return with_endpoint(AsyncDelayedRouteBuilder(client=client, base_url=os.environ[URL], queue_path=QUEUES[0]))


def with_endpoint(route_class: Any) -> FastAPI:
    app, noop = application(route_class)
    enqueue = in_turns(noop)
    numbers = iter(range(TASKS))

    @app.post("/enqueue")
    async def enqueue_one() -> None:
        await enqueue(next(numbers), monotonic())

    return app


async def measure(url: str) -> dict[str, float]:
    freeze()
    return {"requests": await requests_a_second(f"{url}/enqueue", TASKS, CONNECTIONS)}


def main(which: str) -> None:
    port = servers.free_port()
    os.environ[URL] = f"http://127.0.0.1:{port}"
    with Hearer(TASKS) as hearer:
        if which == "ours":
            with TemporaryDirectory() as folder:
                os.environ[FOLDER] = folder
                drive("ours", port, hearer)
        else:
            from bench.contestants.peer import create_queues

            with servers.crate() as address:
                create_queues(address)
                os.environ[ADDRESS] = address
                drive("peer", port, hearer)


def drive(factory: str, port: int, hearer: Hearer) -> None:
    """Load the application, and see that each task did run in the end."""
    with servers.uvicorn(f"bench.contestants.endpoint:{factory}", port) as url:
        run(measure(url))
        hearer.outcome()


if __name__ == "__main__":
    main(*sys.argv[1:])
