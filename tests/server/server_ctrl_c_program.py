"""A process with a task whose endpoint holds the event loop, to be interrupted there."""

import asyncio
import sys
import time
from collections.abc import Callable

from fastapi import FastAPI

from fastapi_gcp_tasks import DelayedRouteBuilder, LocalService, as_delayed_task


async def main() -> None:
    """Runs until it is interrupted."""
    whole = asyncio.current_task()
    assert whole is not None
    local, app = LocalService("memory:", app_url="http://app.local"), FastAPI()
    queue = "projects/p/locations/l/queues/q"
    app.router.route_class = DelayedRouteBuilder(
        client=local.tasks_client(), base_url="http://app.local", queue_path=queue
    )

    @as_delayed_task
    @app.post("/busy")
    async def busy() -> None:
        print("busy", flush=True)
        _hold(whole.cancelling)
        print("cancelled", flush=True)
        _hold(lambda: None)

    async with local.running(app):
        busy.delay()
        await asyncio.Event().wait()


def _hold(until: Callable[[], object]) -> None:
    since = time.monotonic()
    while time.monotonic() - since < 15 and not until():
        pass


if __name__ == "__main__":
    if sys.argv[1] == "run":
        asyncio.run(main())
    else:
        asyncio.new_event_loop().run_until_complete(main())
