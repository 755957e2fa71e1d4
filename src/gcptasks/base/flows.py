"""Work of several steps, written once for the sync and the async twin.

A flow is a generator: it yields its steps, is sent their answers, and returns its result. What a step raises is raised
at its `yield`, so a flow reads as plain code.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

T = TypeVar("T")
Step = TypeVar("Step")
Answer = TypeVar("Answer")


def drive(flow: Generator[Step, Answer, T], take: Callable[[Step], Answer]) -> T:
    """The flow's result; each of its steps is taken by `take`."""
    try:
        step = next(flow)
        while True:
            try:
                answer = take(step)
            # A KeyboardInterrupt belongs to the flow as well: its `finally` runs, then it leaves through us.
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # StopIteration does not say what it carries


async def drive_async(flow: Generator[Step, Answer, T], take: Callable[[Step], Awaitable[Answer]]) -> T:
    """The flow's result; each of its steps is awaited from `take`."""
    try:
        step = next(flow)
        while True:
            try:
                answer = await take(step)
            # A cancellation belongs to the flow as well.
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # as above
