"""Queues on Redis with one worker: `redis_queues taskiq|celery flow|light|asked`. `asked` waits for results."""

import asyncio
import os
import sys
from collections.abc import Awaitable
from time import monotonic
from typing import Any

from bench.contestants import servers
from bench.contestants.frozen import freeze
from bench.contestants.load import LIGHT_TASKS, TASKS, answered, latency, run, sync_throughput, throughput
from bench.contestants.tally import Hearer

TASKIQ = ["taskiq", "worker", "bench.contestants.taskiq_noops:broker", "--workers", "1", "--log-level", "WARNING"]
# The solo pool is the faster one with one worker.
CELERY = ["celery", "-A", "bench.contestants.celery_noops", "worker", "--pool", "solo", "--loglevel", "WARNING"]


async def taskiq(what: str, hearer: Hearer) -> dict[str, float]:
    """Enqueued as coroutines, many at once."""
    from bench.contestants.taskiq_noops import broker, noop, ready

    async def kiq_and_wait(number: int, sent: float) -> None:
        task = await noop.kiq(number, sent)
        # It has no notification: it looks, five times a second unless told otherwise.
        await task.wait_result(check_interval=0.005, timeout=60)

    await broker.startup()
    await ready.kiq()
    await asyncio.to_thread(hearer.ready)
    if what == "asked":
        return await answered(kiq_and_wait)
    return await (throughput if what == "flow" else latency)(noop.kiq, hearer)


async def celery(what: str, hearer: Hearer) -> dict[str, float]:
    """Enqueued by a loop: its calls block, and threads make them no faster."""
    from bench.contestants.celery_noops import noop, ready

    def call(number: int, sent: float) -> Awaitable[object]:
        return asyncio.to_thread(noop.delay, number, sent)

    ready.delay()
    await asyncio.to_thread(hearer.ready)
    if what == "asked":
        return await asyncio.to_thread(celery_answered, noop)
    if what == "flow":
        return await sync_throughput(noop.delay, hearer, threads=1)
    return await latency(call, hearer)


def celery_answered(noop: Any) -> dict[str, float]:
    """Results a second; all tasks are enqueued before the first result is asked for, which suits it best."""
    freeze()
    first = monotonic()
    results = [noop.delay(number, monotonic()) for number in range(TASKS)]
    for result in results:
        result.get(timeout=60)
    return {"answered": TASKS / (monotonic() - first)}


def main(which: str, what: str) -> None:
    command = TASKIQ if which == "taskiq" else CELERY
    tasks = LIGHT_TASKS if what == "light" else TASKS
    if what == "asked":
        os.environ[servers.ASKED] = "yes"
    with Hearer(tasks) as hearer, servers.redis(), servers.server([sys.executable, "-m", *command]):
        run((taskiq if which == "taskiq" else celery)(what, hearer))


if __name__ == "__main__":
    main(*sys.argv[1:])
