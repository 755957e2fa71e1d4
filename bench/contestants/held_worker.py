"""How long the loop of the peer's worker, which has no service in it, is held by uvicorn and FastAPI in P6."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from fastapi import FastAPI

from bench.contestants import holds, peer, servers
from bench.contestants.frozen import freeze
from bench.contestants.load import TASKS, on_loop, throughput
from bench.contestants.tally import Hearer

FILE = "BENCH_HOLDS"


def worker() -> FastAPI:
    """The worker's application, as uvicorn asks for it. It writes the holds of its loop down when it ends."""
    app = peer.worker()
    app.router.lifespan_context = watched
    return app


@asynccontextmanager
async def watched(app: object) -> AsyncGenerator[None]:
    freeze()
    seen: list[holds.Hold] = []
    watching = asyncio.create_task(holds.watch(seen))
    yield
    watching.cancel()
    holds.write(seen, Path(os.environ[FILE]))


def main() -> None:
    with TemporaryDirectory() as folder, Hearer(TASKS) as hearer, servers.crate() as address:
        seen = Path(folder) / "holds.json"
        os.environ[FILE] = str(seen)
        peer.create_queues(address)
        with servers.uvicorn("bench.contestants.held_worker:worker") as url:
            first = monotonic()
            on_loop(throughput(peer.async_call(address, url), hearer))
            during = first, monotonic()
        print(json.dumps(holds.figures(holds.read(seen), during)))


if __name__ == "__main__":
    main()
