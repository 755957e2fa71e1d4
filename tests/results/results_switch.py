"""A user's own store, which is another one while it is up."""

import asyncio
from collections.abc import Callable
from typing import Any

from gcptasks.results.store import ResultStore, StoreSettings


class SwitchedStore:
    """The store, unless it `refuses` or `hangs`: as one behind a network that fails."""

    remote = True

    def __init__(self, store: ResultStore) -> None:
        self._store = store
        self.refuses = False
        self.hangs = False
        self.calls: list[str] = []
        self.delays: list[float] = []
        """Seconds that the next calls take."""
        self.holds: dict[str, asyncio.Event] = {}
        """Calls of these names wait for that."""
        self._waiting: dict[str, asyncio.Event] = {}

    async def asked_for(self, name: str) -> None:
        """Return when somebody makes that call, from now on."""
        await self._waiting.setdefault(name, asyncio.Event()).wait()

    @property
    def settings(self) -> StoreSettings:
        return self._store.settings

    def blocking(self) -> Any:
        return _Calls(self._store.blocking(), self._before)

    def awaiting(self) -> Any:
        return _AsyncCalls(self._store.awaiting(), self._before_awaited)

    def _before(self, name: str) -> None:
        self.calls.append(name)
        if self.refuses:
            raise ConnectionRefusedError("the store is down")

    async def _before_awaited(self, name: str) -> None:
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            waiting.set()
        self._before(name)
        while self.hangs:
            await asyncio.sleep(0.005)
        if name in self.holds:
            await self.holds[name].wait()
        if self.delays:
            await asyncio.sleep(self.delays.pop(0))


class _Calls:
    def __init__(self, store: Any, before: Callable[[str], None]) -> None:
        self._store = store
        self._before = before

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self._before(name)
            return getattr(self._store, name)(*args)

        return call


class _AsyncCalls:
    def __init__(self, store: Any, before: Callable[[str], Any]) -> None:
        self._store = store
        self._before = before

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            await self._before(name)
            return await getattr(self._store, name)(*args)

        return call
