"""How to wait for a change of a record without holding a connection, or asking more often than is needed.

Whoever waits asks the store which version the record has: at once, then after pauses that grow to a second. What hears
of changes (this process made one, or a `Listener` was told) ends the wait before the next question; while a listener
hears, the pauses are long. So a change that nobody heard of is only seen a little later, whatever became of a
connection. On an event loop the questions of all that wait are one.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from typing import Protocol

from gcptasks.base.forks import begin_anew_in_children

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0
PAUSE_WHILE_HEARING = 2.0
"""Some poolers of connections take a LISTEN and tell nothing. Then this is what a wait takes too long."""
_GROWTH = 1.5
_CLOSES_WITHIN = 2.0

Told = Callable[[int | None], None]
"""Is told the version that a record has now; None if it is not there any more."""


class Listener(Protocol):
    """What hears of changes that other processes make."""

    @property
    def hears(self) -> bool:
        """Whether it would hear of a change right now."""
        ...

    def wanted(self) -> None:
        """Somebody waits: hear of changes soon, and for some time."""
        ...

    def stop(self) -> None:
        """Let go of the connection."""
        ...

    async def async_stop(self) -> None: ...


class Waiters:
    """All of this process who wait for records of a store to change."""

    def __init__(self) -> None:
        self.listener: Listener | None = None
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, list[Told]] = {}

    @property
    def any(self) -> bool:
        """Whether anybody waits."""
        return bool(self._told)

    @property
    def hear(self) -> bool:
        """Whether a change that another process makes right now would be told."""
        return self.listener is not None and self.listener.hears

    @contextmanager
    def told(self, id: str, call: Told) -> Generator[None]:
        """Meanwhile it is called when the record changes, from any thread."""
        with self._lock:
            self._told.setdefault(id, []).append(call)
        try:
            if self.listener is not None:
                self.listener.wanted()
            yield
        finally:
            with self._lock:
                calls = self._told.get(id, [])
                if call in calls:
                    calls.remove(call)
                if not calls:
                    self._told.pop(id, None)

    def tell(self, id: str, version: int | None) -> None:
        """The record has that version now; None: it is not there any more."""
        if not self._told:
            return
        with self._lock:
            calls = list(self._told.get(id, ()))
        for call in calls:
            call(version)

    def close(self) -> None:
        """Hear no longer, until somebody waits."""
        if self.listener is not None:
            self.listener.stop()

    async def async_close(self) -> None:
        if self.listener is not None:
            await self.listener.async_stop()


def wait_blocking(
    read: Callable[[Collection[str]], Mapping[str, int]], waiters: Waiters, id: str, version: int, timeout: float
) -> None:
    """Return when the record has another version, or is not there; or, in seconds, when the time is over."""
    ends = time.monotonic() + timeout
    changed = threading.Event()

    def told(now: int | None) -> None:
        if now != version:
            changed.set()

    with waiters.told(id, told):
        pause = FIRST_PAUSE
        while True:
            hears = waiters.hear  # asked first: what changes after the question is heard of
            if _another(_asked(read, id), id, version):
                return
            left = ends - time.monotonic()
            if left <= 0 or changed.wait(min(left, PAUSE_WHILE_HEARING if hears else pause)):
                return
            pause = min(pause * _GROWTH, LONGEST_PAUSE)


def _asked(read: Callable[[Collection[str]], Mapping[str, int]], id: str) -> Mapping[str, int] | None:
    try:
        return read([id])
    # Each driver has errors of its own. A store that is down tells of no change; whoever waits meets the error at
    # the next call, if it lasts.
    except Exception:
        return None


def _another(versions: Mapping[str, int] | None, id: str, version: int) -> bool:
    return versions is not None and versions.get(id) != version


class AwaitedWaits:
    """All waits of an event loop: their questions are one."""

    def __init__(self, read: Callable[[Collection[str]], Awaitable[Mapping[str, int]]], waiters: Waiters) -> None:
        self._read = read
        self._waiters = waiters
        self._waits: set[_Wait] = set()
        self._came = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    async def wait(self, id: str, version: int, timeout: float) -> None:
        """Return when the record has another version, or is not there; or, in seconds, when the time is over."""
        wait = _Wait(id, version)
        with self._waiters.told(id, wait.told):
            self._waits.add(wait)
            self._came.set()
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
            try:
                async with asyncio.timeout(timeout):
                    await wait.over.wait()
            except TimeoutError:
                pass
            finally:
                self._waits.discard(wait)
                if not self._waits:
                    self._came.set()  # nothing is to be asked any more

    async def close(self) -> None:
        """Return when no question is under way, unless somebody waits."""
        if self._asking is not None and not self._waits:
            await asyncio.wait({self._asking}, timeout=_CLOSES_WITHIN)

    async def _ask(self) -> None:
        while self._waits:
            self._came.clear()
            hears = self._waiters.hear  # asked first: what changes after the question is heard of
            due = [wait for wait in self._waits if wait.due <= time.monotonic()]
            versions = await self._versions({wait.id for wait in due})
            for wait in due:
                wait.asked(versions, hears)
            await self._pause()

    async def _versions(self, ids: Collection[str]) -> Mapping[str, int] | None:
        try:
            return await self._read(ids) if ids else None
        except Exception:  # as where waits block
            return None

    async def _pause(self) -> None:
        """Until the next question is due, or another wait begins."""
        next_due = min((wait.due for wait in self._waits), default=0.0)
        try:
            async with asyncio.timeout(max(next_due - time.monotonic(), 0.001)):
                await self._came.wait()
        except TimeoutError:
            pass


class _Wait:
    """One wait on an event loop."""

    def __init__(self, id: str, version: int) -> None:
        self.id = id
        self.over = asyncio.Event()
        self.due = time.monotonic()
        self._version = version
        self._pause = FIRST_PAUSE
        self._loop = asyncio.get_running_loop()

    def told(self, version: int | None) -> None:
        if version == self._version:
            return
        try:
            self._loop.call_soon_threadsafe(self.over.set)
        except RuntimeError:  # the loop was closed, and nobody waits any more
            pass

    def asked(self, versions: Mapping[str, int] | None, hears: bool) -> None:
        if _another(versions, self.id, self._version):
            self.over.set()
        self.due = time.monotonic() + (PAUSE_WHILE_HEARING if hears else self._pause)
        self._pause = min(self._pause * _GROWTH, LONGEST_PAUSE)
