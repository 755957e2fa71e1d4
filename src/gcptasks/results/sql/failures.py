"""What becomes of a statement that failed: it is made again, or its error says what to do."""

from collections.abc import Hashable

from sqlalchemy.exc import DBAPIError

from gcptasks.base.errors import SetupError
from gcptasks.results.sql.statements import Statement

_UNDONE: frozenset[Hashable] = frozenset({"40001", "40P01", 1213, 1205})
"""Serialization failures and deadlocks: the database undid the statement, so that it can be made again."""
_NO_TABLE: frozenset[Hashable] = frozenset({"42P01", 1146})
_TRIES = 50


class Failures:
    """Judges the errors of statements on one table."""

    def __init__(self, table: str) -> None:
        self._table = table

    def judge(self, error: DBAPIError, statement: Statement, tried: int) -> None:
        """Return if the statement is to be made again, else raise."""
        code = _code(error)
        if code in _UNDONE and tried < _TRIES:
            return
        # The connection had been lost, as after a restart of the database: SQLAlchemy now makes new ones.
        if error.connection_invalidated and statement.repeatable and tried == 1:
            return
        if code in _NO_TABLE or (isinstance(code, str) and code.startswith("no such table")):
            raise SetupError(
                f"the database has no table {self._table}. Create it with create_tables() of the SQLResults, "
                "or in a migration"
            ) from error
        raise error


def _code(error: DBAPIError) -> Hashable:
    """SQLSTATE, MySQL's number, or SQLite's words."""
    of_driver = error.orig
    state: Hashable = getattr(of_driver, "sqlstate", None) or getattr(of_driver, "pgcode", None)
    if state is not None or of_driver is None or not of_driver.args:
        return state
    first: object = of_driver.args[0]
    return first if isinstance(first, str | int) else None
