"""Hearing of changes that other processes made, while somebody waits: in a thread, or in a task of an event loop."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.per_loop import PerLoop
from gcptasks.results.waiting import Waiters

_LINGERS = 10.0
"""How many seconds a connection stays after the last wait: the next one often comes soon."""
_ASKS_EVERY = 0.1
"""How often a listener looks whether it is still wanted."""
_AFTER_AN_ERROR = 1.0
_STOPS_WITHIN = 2.0

Heard = tuple[str, int | None]
"""A record, and the version that it has now; None if it is not there any more."""


class Subscription(Protocol):
    """A connection on which changes are told."""

    def heard(self, seconds: float) -> Iterable[Heard]:
        """What was told, after that time at the latest."""
        ...

    def close(self) -> None: ...


class AsyncSubscription(Protocol):
    """The same, awaited."""

    async def heard(self, seconds: float) -> Iterable[Heard]: ...
    async def close(self) -> None: ...


class ThreadListener:
    """Hears in a thread of its own: one connection for the whole process."""

    def __init__(self, subscribe: Callable[[], Subscription], waiters: Waiters) -> None:
        self._subscribe = subscribe
        self._waiters = waiters
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        self.hears = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._wanted_at = 0.0

    def wanted(self) -> None:
        with self._lock:
            self._wanted_at = time.monotonic()
            if self._thread is None or self._stop.is_set():
                stop = threading.Event()
                thread = threading.Thread(target=self._run, args=[stop], name="task-records-listener", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # there is none to be had, so whoever waits goes on by asking
                    return
                self._thread, self._stop = thread, stop

    def stop(self) -> None:
        with self._lock:
            thread = self._thread
            self._stop.set()
        if thread is not None:
            thread.join(_STOPS_WITHIN)

    async def async_stop(self) -> None:
        await asyncio.to_thread(self.stop)

    def _run(self, stop: threading.Event) -> None:
        while self._goes_on(stop):
            try:
                self._listen(stop)
            # Each driver has errors of its own. Waits go on by asking.
            except Exception:
                stop.wait(_AFTER_AN_ERROR)

    def _listen(self, stop: threading.Event) -> None:
        subscription = self._subscribe()
        try:
            self.hears = True
            while self._is_wanted(stop):
                for id, version in subscription.heard(_ASKS_EVERY):
                    self._waiters.tell(id, version)
        finally:
            self.hears = False
            subscription.close()

    def _is_wanted(self, stop: threading.Event) -> bool:
        if self._waiters.any:
            self._wanted_at = time.monotonic()
        return not stop.is_set() and time.monotonic() - self._wanted_at < _LINGERS

    def _goes_on(self, stop: threading.Event) -> bool:
        if self._is_wanted(stop):
            return True
        with self._lock:
            # A wait that began meanwhile found this thread, and relies on it.
            if self._is_wanted(stop):
                return True
            if self._thread is threading.current_thread():
                self._thread = None
            return False


class TaskListeners:
    """Hears in a task of each event loop, where a driver can only be awaited."""

    def __init__(self, subscribe: Callable[[], Awaitable[AsyncSubscription]], waiters: Waiters) -> None:
        self._subscribe = subscribe
        self._waiters = waiters
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        self._per_loop = PerLoop(lambda: _TaskListener(self._subscribe, self._waiters))

    @property
    def hears(self) -> bool:
        return self._per_loop.get().hears

    def wanted(self) -> None:
        self._per_loop.get().wanted()

    def stop(self) -> None:
        """Nothing: each loop stops its own."""

    async def async_stop(self) -> None:
        await self._per_loop.get().stop()


class _TaskListener:
    """Hears on one event loop."""

    def __init__(self, subscribe: Callable[[], Awaitable[AsyncSubscription]], waiters: Waiters) -> None:
        self.hears = False
        self._subscribe = subscribe
        self._waiters = waiters
        self._task: asyncio.Task[None] | None = None
        self._wanted_at = 0.0

    def wanted(self) -> None:
        self._wanted_at = time.monotonic()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="task-records-listener")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_STOPS_WITHIN)
            self._task = None

    async def _run(self) -> None:
        while self._is_wanted():
            try:
                await self._listen()
            except Exception:  # as in a thread
                await asyncio.sleep(_AFTER_AN_ERROR)

    async def _listen(self) -> None:
        subscription = await self._subscribe()
        try:
            self.hears = True
            while self._is_wanted():
                for id, version in await subscription.heard(_ASKS_EVERY):
                    self._waiters.tell(id, version)
        finally:
            self.hears = False
            await subscription.close()

    def _is_wanted(self) -> bool:
        if self._waiters.any:
            self._wanted_at = time.monotonic()
        return time.monotonic() - self._wanted_at < _LINGERS
