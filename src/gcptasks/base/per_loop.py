"""What belongs to an event loop."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """One value for each running loop, made when the loop first asks."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[asyncio.AbstractEventLoop, T] = {}

    def get(self) -> T:
        """The running loop's value."""
        loop = asyncio.get_running_loop()
        try:
            return self._values[loop]
        except KeyError:
            return self._add(loop)

    def made(self) -> list[T]:
        """The values of all loops that have asked."""
        return list(self._values.values())

    def _add(self, loop: asyncio.AbstractEventLoop) -> T:
        # A gRPC channel holds its loop, so weak keys would never let go of either.
        for other in list(self._values):
            if other.is_closed():
                self._values.pop(other, None)
        value = self._values[loop] = self._make()
        return value
