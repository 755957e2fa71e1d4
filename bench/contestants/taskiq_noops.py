"""taskiq's side of no-ops, for its worker and for who enqueues."""

import os
from importlib import import_module
from typing import Any

from bench.contestants.servers import ASKED, REDIS_URL
from bench.contestants.tally import Tally

# Loaded by name: it is installed in an environment of its own, where no type checker looks.
_redis: Any = import_module("taskiq_redis")
broker: Any = _redis.ListQueueBroker(url=os.environ[REDIS_URL])
if ASKED in os.environ:
    broker = broker.with_result_backend(_redis.RedisAsyncResultBackend(os.environ[REDIS_URL], result_ex_time=600))
tally = Tally()


async def count(number: int, sent: float) -> None:
    tally.ran(number, sent)


async def greet() -> None:
    tally.ready()


noop: Any = broker.task(count)
ready: Any = broker.task(greet)
