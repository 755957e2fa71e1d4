"""huey's side of no-ops, for its worker and for who enqueues."""

import os
from importlib import import_module
from typing import Any

from bench.contestants.sqlite_queue import DATABASE, FSYNC
from bench.contestants.tally import Tally

# Loaded by name: it is installed in an environment of its own, where no type checker looks.
huey: Any = import_module("huey").SqliteHuey(
    filename=os.environ[DATABASE], fsync=os.environ[FSYNC] == "on", results=False
)
tally = Tally()


def count(number: int, sent: float) -> None:
    tally.ran(number, sent)


def greet() -> None:
    tally.ready()


noop: Any = huey.task()(count)
ready: Any = huey.task()(greet)
