"""Celery's side of no-ops, for its worker and for who enqueues."""

import os
from importlib import import_module
from typing import Any

from bench.contestants.servers import REDIS_URL
from bench.contestants.tally import Tally

# Loaded by name: it is installed in an environment of its own, where no type checker looks.
app: Any = import_module("celery").Celery("noops", broker=os.environ[REDIS_URL])
app.conf.task_ignore_result = True
tally = Tally()


def count(number: int, sent: float) -> None:
    tally.ran(number, sent)


def greet() -> None:
    tally.ready()


noop: Any = app.task(count)
ready: Any = app.task(greet)
