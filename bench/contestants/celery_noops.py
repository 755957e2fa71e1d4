"""Celery's side of no-ops, for its worker and for who enqueues."""

import os
from importlib import import_module
from typing import Any

from bench.contestants.servers import ASKED, REDIS_URL
from bench.contestants.tally import Tally

# Loaded by name: it is installed in an environment of its own, where no type checker looks.
_redis = os.environ[REDIS_URL]
app: Any = import_module("celery").Celery("noops", broker=_redis, backend=_redis if ASKED in os.environ else None)
app.conf.task_ignore_result = ASKED not in os.environ
tally = Tally()


def count(number: int, sent: float) -> None:
    tally.ran(number, sent)


def greet() -> None:
    tally.ready()


noop: Any = app.task(count)
ready: Any = app.task(greet)
