"""Stores of users that are down: they refuse, or they do not answer."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from gcptasks.results.store import StoreSettings

PATIENCE = 30.0
"""Seconds after which what hangs in a test gives up."""


class _Calls:
    """Any call of a store is this one."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *_: self._call()


class RefusingStore:
    """A store that cannot be reached while it is `down`; else there is nothing in it."""

    remote = False
    settings = StoreSettings()

    def __init__(self) -> None:
        self.down = True
        self.calls = 0

    def blocking(self) -> Any:
        return _Calls(self._refuse)

    def awaiting(self) -> Any:
        return _Calls(self._refuse_later)

    def _refuse(self) -> None:
        self.calls += 1
        if self.down:
            raise ConnectionRefusedError("nobody listens\non that port")

    async def _refuse_later(self) -> None:
        self._refuse()


class HangingStore:
    """A store that answers nothing before it is `freed`, and whose driver does not care that it is cancelled."""

    remote = True
    settings = StoreSettings()

    def __init__(self, *, only_blocks: bool = False) -> None:
        self.freed = threading.Event()
        self.hanging = 0
        self._only_blocks = only_blocks

    def blocking(self) -> Any:
        return _Calls(self._hang)

    def awaiting(self) -> Any:
        if self._only_blocks:
            raise TypeError("this store can only block")
        return _Calls(self._hang_later)

    def _hang(self) -> None:
        self.hanging += 1
        self.freed.wait(PATIENCE)

    async def _hang_later(self) -> None:
        self.hanging += 1
        while not self.freed.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                pass


class BusyStore:
    """A store that answers one call after the other, and those for the record "hangs" not at all."""

    remote = True
    settings = StoreSettings()

    def __init__(self, takes: float) -> None:
        self._takes = takes
        self._blocking_turn = threading.Lock()
        self._turn = asyncio.Lock()

    def blocking(self) -> Any:
        return self

    def get(self, id: str) -> None:
        with self._blocking_turn:
            time.sleep(self._takes)

    def awaiting(self) -> Any:
        return _Awaited(self._get)

    async def _get(self, id: str) -> None:
        if id == "hangs":
            await asyncio.sleep(PATIENCE)
        async with self._turn:
            for _ in range(5):  # as to a driver, an answer comes in parts
                await asyncio.sleep(self._takes / 5)


class _Awaited:
    def __init__(self, get: Callable[[str], Any]) -> None:
        self.get = get
