"""A function is run, from async code and from code that blocks: each kind so that it blocks nobody else."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any

from gcptasks.base.running_loop import running_loop

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


async def run(call: Callable[[], Any], *, is_async: bool, in_thread: InThread = asyncio.to_thread) -> Any:
    """What the call returns, awaited if that can be. It is made in a thread unless it is that of an `async def`."""
    result = call() if is_async else await in_thread(_for_futures(call))
    # A decorator that is no `async def` may hand on what to await.
    return await result if inspect.isawaitable(result) else result


def run_blocking(call: Callable[[], Any]) -> Any:
    """The same, until it is done."""
    result = call()
    if not inspect.isawaitable(result):
        return result
    if running_loop() is None:
        return asyncio.run(_awaited(result))
    # This thread's loop cannot wait for another: a thread can.
    return _in_thread(lambda: asyncio.run(_awaited(result)))


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def _for_futures(call: Callable[[], Any]) -> Callable[[], Any]:
    def called() -> Any:
        try:
            return call()
        except (StopIteration, GeneratorExit) as error:
            # No future takes the one, and the other would end whoever waits for it.
            raise RuntimeError(f"the function raised {type(error).__name__}") from error

    return called


def _in_thread(call: Callable[[], Any]) -> Any:
    returned: list[Any] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(call())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,), name="cloudtask-eager")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return returned[0]
