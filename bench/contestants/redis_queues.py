"""Queues on Redis with one worker: `redis_queues taskiq|celery flow|light`."""

import asyncio
import sys
from collections.abc import Awaitable

from bench.contestants import servers
from bench.contestants.load import LIGHT_TASKS, TASKS, latency, run, sync_throughput, throughput
from bench.contestants.tally import Hearer

TASKIQ = ["taskiq", "worker", "bench.contestants.taskiq_noops:broker", "--workers", "1", "--log-level", "WARNING"]
# The solo pool is the faster one with one worker.
CELERY = ["celery", "-A", "bench.contestants.celery_noops", "worker", "--pool", "solo", "--loglevel", "WARNING"]


async def taskiq(what: str, hearer: Hearer) -> dict[str, float]:
    """Enqueued as coroutines, many at once."""
    from bench.contestants.taskiq_noops import broker, noop, ready

    await broker.startup()
    await ready.kiq()
    await asyncio.to_thread(hearer.ready)
    return await (throughput if what == "flow" else latency)(noop.kiq, hearer)


async def celery(what: str, hearer: Hearer) -> dict[str, float]:
    """Enqueued by a loop: its calls block, and threads make them no faster."""
    from bench.contestants.celery_noops import noop, ready

    def call(number: int, sent: float) -> Awaitable[object]:
        return asyncio.to_thread(noop.delay, number, sent)

    ready.delay()
    await asyncio.to_thread(hearer.ready)
    if what == "flow":
        return await sync_throughput(noop.delay, hearer, threads=1)
    return await latency(call, hearer)


def main(which: str, what: str) -> None:
    command = TASKIQ if which == "taskiq" else CELERY
    tasks = TASKS if what == "flow" else LIGHT_TASKS
    with Hearer(tasks) as hearer, servers.redis(), servers.server([sys.executable, "-m", *command]):
        run((taskiq if which == "taskiq" else celery)(what, hearer))


if __name__ == "__main__":
    main(*sys.argv[1:])
