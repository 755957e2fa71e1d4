"""Whether another process has written to the database, which tells nobody here."""

import time
from datetime import datetime, timedelta
from enum import Enum, auto

from gcptasks.store.store import Store
from gcptasks.store.write_connection import DataVersion

_EVERY = timedelta(milliseconds=50)


class Others(Enum):
    """What is known of the other processes since the last look."""

    UNKNOWN = auto()
    SILENT = auto()
    WROTE = auto()


class OtherWriters:
    """Looks at a store's file now and then; a database in memory has no other writers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._alone = store.database.path is None
        self._version: DataVersion | None = None
        self._looked_at: tuple[datetime, float] | None = None

    def look(self, now: datetime) -> Others:
        """Whether somebody may have written since the last look, at the first look too; looks no more than needed."""
        if self._alone:
            return Others.SILENT
        if self._looked_at is not None and self._is_recent(*self._looked_at, now):
            return Others.UNKNOWN
        version = self._store.data_version()
        if version is None:
            return Others.UNKNOWN  # somebody is writing just now: the next look will tell
        self._looked_at = now, time.monotonic()
        changed, self._version = version != self._version, version
        return Others.WROTE if changed else Others.SILENT

    def _is_recent(self, looked_at: datetime, passed: float, now: datetime) -> bool:
        # By the machine's time too: the clock may stand still.
        return timedelta(0) <= now - looked_at < _EVERY and time.monotonic() - passed < _EVERY.total_seconds()

    def look_by(self, latest: datetime, now: datetime) -> datetime:
        """When to look again; `latest` if nobody else writes here."""
        return latest if self._alone else min(latest, now + _EVERY)
