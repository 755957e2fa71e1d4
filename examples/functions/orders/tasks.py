"""The tasks of a shop: plain functions."""

import logging
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from cloudtask import CloudTaskClient, RetryLater, injected
from fastapi_gcp_tasks.dependencies import CloudTasksHeaders

log = logging.getLogger("uvicorn.error")

client = CloudTaskClient(
    project=os.getenv("PROJECT", "my-project"),
    location=os.getenv("LOCATION", "us-central1"),
    url=os.getenv("WORKER_URL", "http://localhost:8000/tasks/run"),
    secret=os.getenv("TASKS_SECRET", "change-me"),
)


class Order(BaseModel):
    number: int
    email: str
    total: Decimal


class Session:
    """Where a database's session would be."""

    def add(self, text: str) -> None:
        log.info("%s", text)


def get_session() -> Iterator[Session]:
    try:
        yield Session()
    except Exception:
        log.info("Rolled back")
        raise
    else:
        log.info("Committed")


@client.task
async def send_confirmation(order: Order, *, to: str | None = None) -> None:
    log.info("Order %d was confirmed to %s", order.number, to or order.email)


@client.task(queue="payments", timeout=60)
def charge(
    order: Order,
    session: Annotated[Session, Depends(get_session)] = injected,
    attempt: Annotated[CloudTasksHeaders, Depends()] = injected,
) -> None:
    """It blocks, as payments do; so it runs in a thread."""
    if attempt.retry_count == 0:
        raise RetryLater(after=1)
    session.add(f"Order {order.number} was charged {order.total} at attempt {attempt.retry_count + 1}")
