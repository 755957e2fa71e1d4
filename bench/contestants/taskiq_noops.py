"""taskiq's side of no-ops, for its worker and for who enqueues."""

import os

from taskiq_redis import ListQueueBroker

from bench.contestants.servers import REDIS_URL
from bench.contestants.tally import Tally

broker = ListQueueBroker(url=os.environ[REDIS_URL])
tally = Tally()


@broker.task
async def noop(number: int, sent: float) -> None:
    tally.ran(number, sent)


@broker.task
async def ready() -> None:
    tally.ready()
