"""Ours inside the application, durable.

`ours flow|light|asked`, `async|sync` calls of an `async|sync` `endpoint|function|recorded`. `asked` waits for results.
"""

import sys
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI

from bench.contestants import function_noops
from bench.contestants.embedding import URL, create_queues, service
from bench.contestants.load import LIGHT_TASKS, TASKS, answered, latency, run, sync_throughput, throughput
from bench.contestants.noops import QUEUES, application, asked_in_turns, in_turns
from bench.contestants.tally import Hearer
from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder, LocalService


def builder(local: LocalService, calls: str, kind: str) -> Any:
    """The route class for calls of this kind."""
    if calls == "async":
        results = local.results() if kind == "recorded" else None
        return AsyncDelayedRouteBuilder(
            client=local.async_tasks_client, base_url=URL, queue_path=QUEUES[0], results=results
        )
    return DelayedRouteBuilder(client=local.tasks_client(), base_url=URL, queue_path=QUEUES[0], auto_create_queue=False)


def worker(local: LocalService, what: str, calls: str, called: str, kind: str) -> tuple[FastAPI, Any]:
    """The application, and what enqueues its tasks."""
    if kind == "function":
        app, tasks = function_noops.application(local, sync=called == "sync")
        return app, function_noops.in_turns(tasks, sync=calls == "sync")
    app, noop = application(builder(local, calls, kind), sync=called == "sync")
    return app, asked_in_turns(noop) if what == "asked" else in_turns(noop)


async def measure(folder: str, hearer: Hearer, what: str, calls: str, called: str, kind: str) -> dict[str, float]:
    local = service(folder)
    create_queues(local)
    app, call = worker(local, what, calls, called, kind)
    async with local.running(app):
        if what == "light":
            return await latency(call, hearer)
        if what == "asked":
            return await answered(call)
        if calls == "async":
            return await throughput(call, hearer)
        return await sync_throughput(call, hearer)


def main(what: str, calls: str, called: str, kind: str = "endpoint") -> None:
    tasks = LIGHT_TASKS if what == "light" else TASKS
    with Hearer(tasks) as hearer, TemporaryDirectory() as folder:
        run(measure(folder, hearer, what, calls, called, kind))


if __name__ == "__main__":
    main(*sys.argv[1:])
