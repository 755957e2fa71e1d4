"""Reads that are asked for in one turn of an event loop, made together: a thousand who wait for one task are one."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class TurnReads(Generic[V]):
    """Reads by key, on the running loop; `read` gives the values of those keys that are there."""

    def __init__(self, read: Callable[[list[str]], dict[str, V]]) -> None:
        self._read = read
        self._loop = asyncio.get_running_loop()
        self._asked: list[tuple[str, asyncio.Future[V | None]]] = []

    async def get(self, key: str) -> V | None:
        """The value that is there now."""
        if not self._asked:
            self._loop.call_soon(self._answer)
        found: asyncio.Future[V | None] = self._loop.create_future()
        self._asked.append((key, found))
        return await found

    def _answer(self) -> None:
        asked, self._asked = self._asked, []
        waiting = [(key, found) for key, found in asked if not found.done()]
        if not waiting:
            return
        try:
            values = self._read(list({key for key, _ in waiting}))
        except Exception as error:
            for _, found in waiting:
                found.set_exception(error)
        except BaseException:  # an interruption, which is for somebody else
            self._asked += waiting
            self._loop.call_soon(self._answer)
            raise
        else:
            for key, found in waiting:
                found.set_result(values.get(key))
