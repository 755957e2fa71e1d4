"""Enqueueing no-ops in the ways that are compared, and the figures that come of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from time import monotonic
from typing import Any

from bench.contestants.frozen import freeze
from bench.contestants.tally import Hearer, Outcome

TASKS = 10_000
IN_FLIGHT = 100
THREADS = 8
"""From which blocking calls are made, as FastAPI makes them from sync endpoints."""

LIGHT_TASKS = 500
LIGHT_PAUSE = 0.01

Call = Callable[[int, float], object]
"""Enqueues the no-op of this number, called at this time, and blocks until it is accepted."""
AsyncCall = Callable[[int, float], Awaitable[object]]


async def spread(call: Callable[[int], Awaitable[object]], tasks: int, in_flight: int) -> None:
    """Make that many calls, with so many of them under way at once."""
    numbers = iter(range(tasks))

    async def feed() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(feed() for _ in range(in_flight)))


async def enqueue_async(call: AsyncCall) -> float:
    """Enqueue with many calls under way at once; gives when the first began."""
    first = monotonic()
    await spread(lambda number: call(number, monotonic()), TASKS, IN_FLIGHT)
    return first


def enqueue(call: Call, threads: int) -> float:
    """The same by blocking calls from threads."""
    numbers = iter(range(TASKS))
    first = monotonic()
    with ThreadPoolExecutor(threads) as pool:
        for fed in [pool.submit(_feed, call, numbers) for _ in range(threads)]:
            fed.result()
    return first


def _feed(call: Call, numbers: Iterator[int]) -> None:
    for number in numbers:
        call(number, monotonic())


async def enqueue_lightly(call: AsyncCall) -> None:
    """Enqueue one at a time, each when the one before has long run."""
    for number in range(LIGHT_TASKS):
        await call(number, monotonic())
        await asyncio.sleep(LIGHT_PAUSE)


async def throughput(call: AsyncCall, hearer: Hearer) -> dict[str, float]:
    """Tasks a second, from the first call until the last has run."""
    freeze()
    first = await enqueue_async(call)
    return _rates(first, monotonic(), await asyncio.to_thread(hearer.outcome))


async def sync_throughput(call: Call, hearer: Hearer, threads: int = THREADS) -> dict[str, float]:
    """The same by blocking calls."""
    freeze()
    first = await asyncio.to_thread(enqueue, call, threads)
    return _rates(first, monotonic(), await asyncio.to_thread(hearer.outcome))


async def answered(call: AsyncCall) -> dict[str, float]:
    """Tasks a second whose results have come back, by calls that wait for them."""
    freeze()
    first = monotonic()
    await spread(lambda number: call(number, monotonic()), TASKS, IN_FLIGHT)
    return {"answered": TASKS / (monotonic() - first)}


async def latency(call: AsyncCall, hearer: Hearer) -> dict[str, float]:
    """Milliseconds from call to run under light load."""
    freeze()
    await enqueue_lightly(call)
    outcome = await asyncio.to_thread(hearer.outcome)
    return {"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3}


def _rates(first: float, enqueued: float, outcome: Outcome) -> dict[str, float]:
    return {"end to end": TASKS / (outcome.last - first), "enqueued": TASKS / (enqueued - first)}


def run(work: Coroutine[Any, Any, dict[str, float]]) -> None:
    """Do the work on such a loop, and print its figures."""
    print(json.dumps(on_loop(work)))


def on_loop(work: Coroutine[Any, Any, dict[str, float]]) -> dict[str, float]:
    """Do the work on the event loop that uvicorn would choose here; gives its figures."""
    try:
        # Loaded by name: the environments of the contestants have it, the one that is type-checked has not.
        loop_factory = import_module("uvloop").new_event_loop
    except ImportError:
        loop_factory = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(work)
