"""The key of each location in the database. A location without a key has no row."""

from gcptasks.base.names import LocationName
from gcptasks.store.statements import Statements


class CmekConfigs:
    """The keys as one transaction sees them."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def key(self, location: LocationName) -> str:
        """The location's key; empty if it has none."""
        row = self._sql.execute("SELECT kms_key FROM cmek_configs WHERE location = ?", (str(location),)).fetchone()
        return "" if row is None else str(row[0])

    def save(self, location: LocationName, key: str) -> None:
        """Keep this key in the place of the one before; empty: none."""
        if key:
            self._sql.execute("INSERT OR REPLACE INTO cmek_configs VALUES (?, ?)", (str(location), key))
        else:
            self._sql.execute("DELETE FROM cmek_configs WHERE location = ?", (str(location),))
