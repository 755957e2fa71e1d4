"""A worker of recorded tasks on the database that its argument names. It prints what its tasks do, until it is killed
or its standard input ends.
"""

import asyncio
import sys
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI

from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, AsyncProgress, LocalService, injected
from server.server_apps import QUEUE, URL, serving


class Carrier:
    """The app on a database."""

    def __init__(self, database: str) -> None:
        self.local = LocalService(database, app_url=URL)
        self.store = self.local.results()
        route = AsyncDelayedRouteBuilder(
            client=self.local.async_tasks_client, base_url=URL, queue_path=QUEUE, results=self.store, verify=False
        )
        tasks = APIRouter(route_class=route)

        @tasks.post("/first-runs-long")
        async def first_runs_long(progress: Annotated[AsyncProgress, Depends()] = injected) -> str:
            assert progress.task is not None
            if progress.task.attempt > 1:
                return f"attempt {progress.task.attempt}"
            print("started", flush=True)
            try:
                await asyncio.sleep(300)
            except asyncio.CancelledError:
                await asyncio.sleep(0.01)
                print("cleaned up", flush=True)
                raise
            return "too long"

        self.first_runs_long = first_runs_long
        self.app = FastAPI()
        self.app.include_router(tasks)
        self.local.install(self.app)


async def main() -> None:
    async with serving(Carrier(sys.argv[1]).app):
        print("serves", flush=True)
        await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main())
