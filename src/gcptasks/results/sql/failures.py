"""What becomes of a statement that failed: it is made again, or its error says what to do."""

from collections.abc import Hashable

from sqlalchemy.exc import DBAPIError

from gcptasks.base.errors import SetupError
from gcptasks.results.sql.statements import Statement

_UNDONE: frozenset[Hashable] = frozenset({"40001", "40P01", 1213})
"""Serialization failures and deadlocks: the database undid the statement, so that it can be made again."""
_NO_TABLE: frozenset[Hashable] = frozenset({"42P01", 1146})
"""As PostgreSQL and MySQL say it; SQLite has words alone."""
_NO_COLUMN: frozenset[Hashable] = frozenset({"42703", 1054})
_SQLITE_NO_COLUMN = ("no such column", "has no column named")
_TRIES = 50


class Failures:
    """Judges the errors of statements on one table."""

    def __init__(self, table: str) -> None:
        self._table = table

    def judge(self, error: DBAPIError, statement: Statement, tried: int) -> None:
        """Return if the statement is to be made again, else raise."""
        codes = _codes(error)
        if codes & _UNDONE and tried < _TRIES:
            return
        # The connection had been lost, as after a restart of the database: SQLAlchemy now makes new ones.
        if error.connection_invalidated and statement.repeatable and tried == 1:
            return
        if codes & _NO_TABLE or str(error.orig).startswith("no such table"):
            raise SetupError(
                f"the database has no table {self._table}. Create it with create_tables() of the SQLResults, "
                "or in a migration"
            ) from error
        if codes & _NO_COLUMN or any(words in str(error.orig) for words in _SQLITE_NO_COLUMN):
            raise SetupError(
                f"the table {self._table} of the database is not the one of this version: {error.orig}. "
                "Bring it up to date in a migration, or drop it and call create_tables() of the SQLResults"
            ) from error
        raise error


def _codes(error: DBAPIError) -> set[Hashable]:
    """SQLSTATE as drivers have it, and MySQL's number."""
    of_driver = error.orig
    named = {getattr(of_driver, name, None) for name in ("sqlstate", "pgcode")}
    return named | {code for code in getattr(of_driver, "args", ())[:1] if isinstance(code, int)}
