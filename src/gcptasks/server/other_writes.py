"""Whether another process has written to the database since one last looked."""

from gcptasks.base.errors import TaskError
from gcptasks.store.store import Store
from gcptasks.store.write_connection import DataVersion


class OtherWrites:
    """Looks at a store's file; a database in memory has no other writers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._alone = store.database.path is None
        self._version: DataVersion | None = None

    def wrote(self) -> bool:
        """Whether somebody may have written since the last look, at the first look too."""
        if self._alone:
            return False
        try:
            version = self._store.data_version()
        except TaskError:
            return True  # let whoever reads hear of it
        if version is None:
            return False  # somebody is writing just now: the next look will tell
        changed, self._version = version != self._version, version
        return changed
