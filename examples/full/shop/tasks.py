"""The tasks. The web service imports them to enqueue, the worker to run them."""

import logging
from typing import Annotated

from fastapi import Depends
from google.cloud.tasks_v2 import OidcToken
from google.protobuf.duration_pb2 import Duration
from pydantic import BaseModel

from fastapi_gcp_tasks import AsyncDelayedRouter, DelayedRouter, DoNotRetry, RetryLater, injected
from fastapi_gcp_tasks.dependencies import CloudTasksHeaders, max_retries, verify_oidc
from fastapi_gcp_tasks.hooks import chained_hook, deadline_delayed_hook, oidc_delayed_hook
from fastapi_gcp_tasks.utils import queue_path
from shop.settings import INVOKER, PROJECT, REGION, WORKER_URL

log = logging.getLogger("uvicorn")


class Order(BaseModel):
    number: int
    email: str
    cents: int


# Each request of the queue has a token of the invoker, for this worker, and may take two minutes.
token = OidcToken(service_account_email=INVOKER, audience=WORKER_URL)
send_with_token = chained_hook(oidc_delayed_hook(token), deadline_delayed_hook(Duration(seconds=120)))
only_the_queue = verify_oidc(audience=WORKER_URL, service_accounts=[INVOKER])

payments = DelayedRouter(
    base_url=WORKER_URL,
    queue_path=queue_path(project=PROJECT, location=REGION, queue="payments"),
    auto_create_queue=False,  # the deployment creates the queues
    pre_create_hook=send_with_token,
    verify=only_the_queue,
)
mails = AsyncDelayedRouter(
    base_url=WORKER_URL,
    queue_path=queue_path(project=PROJECT, location=REGION, queue="mails"),
    pre_create_hook=send_with_token,
    verify=only_the_queue,
)


@payments.post("/charge", dependencies=[Depends(max_retries(count=5))])
def charge(order: Order, headers: Annotated[CloudTasksHeaders, Depends()] = injected) -> None:
    """Charge the card. The bank is busy at first, and does not take more than 1,000."""
    if order.cents > 100_000:
        raise DoNotRetry(f"order {order.number} was declined")
    if headers.retry_count < 1:
        raise RetryLater(after=1)
    log.info("Order %s was charged at attempt %s", order.number, headers.retry_count + 1)


@mails.post("/confirm/{number}")
async def confirm(number: int, to: str) -> None:
    log.info("Order %s was confirmed to %s", number, to)
