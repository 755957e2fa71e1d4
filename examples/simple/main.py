"""Two tasks in one application: the example of the README, and what else a task can do.

Run it with `fastapi-gcp-tasks dev examples/simple/main.py`, then ask for `/trigger`, `/later`, `/once/…` or `/flaky`.
"""

import logging
import os
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from google.api_core.exceptions import AlreadyExists
from pydantic import BaseModel

from fastapi_gcp_tasks import DelayedRouter
from fastapi_gcp_tasks.dependencies import CloudTasksHeaders
from fastapi_gcp_tasks.utils import queue_path

# Uvicorn shows what its own logger says, without any setting up.
log = logging.getLogger("uvicorn")


class Payload(BaseModel):
    message: str


# Where the queue reaches this application.
tasks = DelayedRouter(
    base_url=os.environ.get("BASE_URL", "http://localhost:8000"),
    queue_path=queue_path(project="my-project", location="us-central1", queue="simple"),
)
app = FastAPI()


@tasks.post("/hello")
async def hello(p: Payload) -> None:
    log.info("Hello task ran with payload: %s", p.message)


def fail_twice(headers: Annotated[CloudTasksHeaders, Depends()]) -> None:
    """What does not answer 2xx is tried again."""
    if headers.retry_count < 2:
        raise HTTPException(503, "not yet")


@tasks.post("/unsteady", dependencies=[Depends(fail_twice)])
async def unsteady() -> None:
    log.info("Unsteady task ran at last")


@app.get("/trigger")
def trigger() -> str:
    return hello.delay(p=Payload(message="Triggered task")).name


@app.get("/later")
def later(seconds: float = 5) -> str:
    """Run the task in a while."""
    return hello.options(countdown=seconds).delay(p=Payload(message=f"Delayed by {seconds} s")).name


@app.get("/once/{order}")
def once(order: str) -> str:
    """Run it once for each order, however often this is asked for."""
    try:
        return hello.options(task_id=f"order-{order}").delay(p=Payload(message=f"Order {order}")).name
    except AlreadyExists:
        return f"order {order} is under way already"


@app.get("/flaky")
def flaky() -> str:
    """Run a task that fails at first."""
    return unsteady.delay().name


app.include_router(tasks)
