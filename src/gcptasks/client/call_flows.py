"""Flows (`base.flows`) of calls: each step is a call of a client, or of something else.

What a call raises is raised at its `yield`.
"""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")


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
