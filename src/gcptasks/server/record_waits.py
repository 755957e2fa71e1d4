"""Coroutines of one event loop that wait until a record of a task changes.

What this process commits is told. What others write is looked for, once for all who wait.
"""

import asyncio
from collections.abc import Callable, Iterable

from gcptasks.base.errors import TaskError
from gcptasks.server.other_writes import OtherWrites
from gcptasks.server.turn_reads import TurnReads
from gcptasks.store.store import Store

LOOK_EVERY = 0.05
"""Seconds after which those who wait look whether another process has written, which tells nobody here."""


class _Waited:
    """A record that some wait for."""

    __slots__ = ("changed", "many", "version")

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.many = 0
        self.version = 0
        """As last read."""


class RecordWaits:
    """Who waits for which records, on the running loop. `versions` reads the versions of those that are there."""

    def __init__(self, versions: Callable[[list[str]], dict[str, int]], store: Store) -> None:
        self._versions = versions
        self._reads = TurnReads(versions)
        self._others = OtherWrites(store)
        self._has_other_writers = store.database.path is not None
        self._loop = asyncio.get_running_loop()
        self._waited: dict[str, _Waited] = {}
        self._looks = False

    async def wait(self, id: str, version: int, timeout: float) -> None:
        """Return when the record has another version, or is not there, or when the time is over."""
        try:
            async with asyncio.timeout(timeout):
                while await self._still(id, version):
                    pass
        except TimeoutError:
            pass

    def concerns(self, ids: Iterable[str]) -> bool:
        """Whether anybody waits for one of these; in any thread."""
        return bool(self._waited) and not self._waited.keys().isdisjoint(ids)

    def tell(self, ids: Iterable[str]) -> None:
        """These may have changed."""
        for id in ids:
            waited = self._waited.pop(id, None)
            if waited is not None:
                waited.changed.set()

    async def _still(self, id: str, version: int) -> bool:
        """Whether the record has that version, once it may have changed; or at once, if not."""
        waited = self._waited.setdefault(id, _Waited())
        waited.many += 1
        self._look_later()
        try:
            # Read after others can tell, so that nothing comes between.
            if await self._reads.get(id) != version:
                return False
            waited.version = version
            await waited.changed.wait()
        finally:
            waited.many -= 1
            if not waited.many and self._waited.get(id) is waited:
                del self._waited[id]
        return True

    def _look_later(self) -> None:
        if self._has_other_writers and not self._looks:
            self._looks = True
            self._loop.call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        self._looks = False
        if self._waited:
            self._look_later()
            if self._others.wrote():
                self.tell(self._changed())

    def _changed(self) -> list[str]:
        try:
            versions = self._versions(list(self._waited))
        except TaskError:
            return list(self._waited)  # let them hear of it
        return [id for id, waited in self._waited.items() if versions.get(id) != waited.version]
