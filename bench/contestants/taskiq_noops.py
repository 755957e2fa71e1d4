"""taskiq's side of no-ops, for its worker and for who enqueues."""

import os
from importlib import import_module
from typing import Any

from bench.contestants.servers import REDIS_URL
from bench.contestants.tally import Tally

# Loaded by name: it is installed in an environment of its own, where no type checker looks.
broker: Any = import_module("taskiq_redis").ListQueueBroker(url=os.environ[REDIS_URL])
tally = Tally()


async def count(number: int, sent: float) -> None:
    tally.ran(number, sent)


async def greet() -> None:
    tally.ready()


noop: Any = broker.task(count)
ready: Any = broker.task(greet)
