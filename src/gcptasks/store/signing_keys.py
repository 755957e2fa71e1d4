"""The key that tokens are signed with, in the database."""

from gcptasks.store.statements import Statements


class SigningKeys:
    """The private key of this database, as PEM: one, which stays."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def get(self) -> str | None:
        """The key, or None while there is none."""
        row = self._sql.execute("SELECT pem FROM signing_keys").fetchone()
        return None if row is None else str(row[0])

    def add(self, pem: str) -> None:
        """Keep this key, unless there is one."""
        self._sql.execute("INSERT OR IGNORE INTO signing_keys VALUES (1, ?)", (pem,))
