"""huey on SQLite with one worker, each commit synced to disk or not: `sqlite_queue on|off`."""

import asyncio
import os
import sys
from tempfile import TemporaryDirectory

from bench.contestants import servers
from bench.contestants.load import TASKS, run, sync_throughput
from bench.contestants.tally import Hearer

DATABASE, FSYNC = "BENCH_HUEY_DATABASE", "BENCH_HUEY_FSYNC"

# It asks its file for tasks again and again, and sooner than by default: else it would mostly wait.
HUEY = ["huey.bin.huey_consumer", "bench.contestants.huey_noops.huey", "--delay", "0.001", "--max-delay", "0.01"]


async def measure(hearer: Hearer) -> dict[str, float]:
    """Enqueued by a loop: its calls block, and threads would wait for one another's commits."""
    from bench.contestants.huey_noops import noop, ready

    ready()
    await asyncio.to_thread(hearer.ready)
    return await sync_throughput(noop, hearer, threads=1)


def main(fsync: str) -> None:
    with Hearer(TASKS) as hearer, TemporaryDirectory() as folder:
        os.environ[DATABASE], os.environ[FSYNC] = f"{folder}/huey.db", fsync
        with servers.server([sys.executable, "-m", *HUEY, "--quiet"]):
            run(measure(hearer))


if __name__ == "__main__":
    main(*sys.argv[1:])
