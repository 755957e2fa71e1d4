"""New records of tasks that are written together: those that were added on one event loop before the writer came."""

import asyncio
from collections.abc import Collection
from threading import Lock

from gcptasks.results.store import NewRecord

_MOST = 256
"""So few that no event loop is held for more than some milliseconds."""


class NewRecords:
    """Records that wait for the writer together. It may come in any thread, and twice after an interruption."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._records: dict[str, NewRecord] = {}
        self._closed = False
        self.written: asyncio.Future[None]
        """Done once they are."""

    def take_in(self, records: Collection[NewRecord]) -> bool:
        """Have these written as well; False, and nothing was done, if it is too late, or they would be too many."""
        with self._lock:
            if self._closed or (len(self._records) + len(records) > _MOST and self._records):
                return False
            for one in records:
                self._records[one.id] = one
            return True

    def __contains__(self, id: str) -> bool:
        return id in self._records

    def close(self) -> Collection[NewRecord]:
        """All of them; no more are taken in from now on."""
        with self._lock:
            self._closed = True
        return self._records.values()
