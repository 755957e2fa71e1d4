"""An event loop for what code that blocks has done on one."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from gcptasks.base.forks import begin_anew_in_children

T = TypeVar("T")


class OwnLoop:
    """Runs coroutines in a thread of its own, a daemon, which begins with the first of them."""

    def __init__(self) -> None:
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Have no thread yet."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What it returns or raises."""
        return asyncio.run_coroutine_threadsafe(work, self._running()).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="gcptasks-records", daemon=True).start()
                self._loop = loop
            return self._loop
