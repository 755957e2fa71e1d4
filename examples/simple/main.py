"""Three tasks in one application.

Run it with `fastapi-gcp-tasks dev examples/simple/main.py`, then ask for `/trigger`, `/later` or `/once/…`.
"""

import logging

from fastapi import APIRouter, FastAPI
from google.api_core.exceptions import AlreadyExists
from pydantic import BaseModel

from fastapi_gcp_tasks import DelayedRouteBuilder, as_delayed_task
from fastapi_gcp_tasks.utils import queue_path

# Uvicorn shows what its own logger says, without any setting up.
log = logging.getLogger("uvicorn")


class Payload(BaseModel):
    message: str


# The router of the tasks is included under /tasks, so that is where the worker serves them.
DelayedRoute = DelayedRouteBuilder(
    callback_base_url="http://localhost:8000/tasks",
    queue_path=queue_path(project="my-project", location="us-central1", queue="simple"),
)
tasks = APIRouter(route_class=DelayedRoute)
app = FastAPI()


@as_delayed_task
@tasks.post("/hello")
async def hello(p: Payload) -> None:
    log.info("Hello task ran with payload: %s", p.message)


@app.get("/trigger")
def trigger() -> str:
    """Run the task soon."""
    return hello.delay(p=Payload(message="Triggered task")).name


@app.get("/later")
def later(seconds: int = 5) -> str:
    """Run it in a while."""
    return hello.options(countdown=seconds).delay(p=Payload(message=f"Delayed by {seconds} s")).name


@app.get("/once/{order}")
def once(order: str) -> str:
    """Run it once for each order, however often this is asked for."""
    try:
        return hello.options(task_id=f"order-{order}").delay(p=Payload(message=f"Order {order}")).name
    except AlreadyExists:
        return f"order {order} is under way already"


app.include_router(tasks, prefix="/tasks")
