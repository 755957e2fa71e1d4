"""Celery's side of no-ops, for its worker and for who enqueues."""

import os

from celery import Celery

from bench.contestants.servers import REDIS_URL
from bench.contestants.tally import Tally

app = Celery("noops", broker=os.environ[REDIS_URL])
app.conf.task_ignore_result = True
tally = Tally()


@app.task
def noop(number: int, sent: float) -> None:
    tally.ran(number, sent)


@app.task
def ready() -> None:
    tally.ready()
