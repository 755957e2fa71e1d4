"""On which event loop tests run: asyncio's own, one whose tasks begin at once, or uvloop. TEST_LOOP says which.

`TEST_LOOP=eager scripts/test tests/runtime`, with Python 3.12 or newer; `TEST_LOOP=uvloop` with 3.11 as well.
"""

import asyncio
import importlib
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

R = TypeVar("R")

LOOP = os.environ.get("TEST_LOOP", "asyncio")


def _eager() -> asyncio.AbstractEventLoop:
    return begun_at_once(asyncio.new_event_loop())


def begun_at_once(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """The same loop; its tasks run at once, as far as they come without waiting."""
    if sys.version_info < (3, 12):
        raise RuntimeError("TEST_LOOP=eager needs Python 3.12 or newer")
    loop.set_task_factory(asyncio.eager_task_factory)
    return loop


def _uvloop() -> asyncio.AbstractEventLoop:
    made: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
    return made


NEW_LOOP: Callable[[], asyncio.AbstractEventLoop] = {
    "asyncio": asyncio.new_event_loop,
    "eager": _eager,
    "uvloop": _uvloop,
}[LOOP]


def run(work: Coroutine[Any, Any, R]) -> R:
    """What `work` returns, run on a loop of its own."""
    with asyncio.Runner(loop_factory=NEW_LOOP) as runner:
        return runner.run(work)
