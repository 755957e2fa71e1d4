"""Work of several calls, written once for the sync and the async twin.

A flow is a generator: it yields the calls to make, is sent their answers, and returns its result. What a call raises
is raised at its `yield`, so a flow reads as plain code. `drive` and `drive_async` make the calls.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")
Step = TypeVar("Step")


class Call(NamedTuple):
    """One call of a Google client."""

    method: str
    """The client's method, such as `create_queue`."""
    request: Any
    timeout: float | None

    def on(self, client: Any) -> Any:
        """The answer; of an async client, what to await for it."""
        return getattr(client, self.method)(request=self.request, timeout=self.timeout)


Flow: TypeAlias = Generator[Call, Any, T]
CallsFlow: TypeAlias = Generator[Callable[[], Any], Any, T]
"""A flow over several things: what it yields makes the call itself, and is driven by `made`."""


def call(method: str, request: Any, timeout: float | None) -> Flow[Any]:
    """The answer to one call: `answer = yield from call("get_queue", request, 10.0)`."""
    return (yield Call(method, request, timeout))


def made(step: Callable[[], Any]) -> Any:
    """The answer to a call of a `CallsFlow`; of an async one, what to await for it."""
    return step()


def drive(flow: Generator[Step, Any, T], send: Callable[[Step], Any]) -> T:
    """The flow's result; each of its calls is made by `send`."""
    try:
        step = next(flow)
        while True:
            try:
                answer = send(step)
            # A KeyboardInterrupt belongs to the flow as well: its `finally` runs, then it leaves through us.
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # StopIteration does not say what it carries


async def drive_async(flow: Generator[Step, Any, T], send: Callable[[Step], Awaitable[Any]]) -> T:
    """The flow's result; each of its calls is awaited from `send`."""
    try:
        step = next(flow)
        while True:
            try:
                answer = await send(step)
            # A cancellation belongs to the flow as well.
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # as above
