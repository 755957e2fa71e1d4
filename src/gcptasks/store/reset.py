"""Everything in the database is dropped at once."""

from gcptasks.store.statements import Statements

_KEPT = {"meta", "signing_keys"}
"""The key of made ids and the next number, so that no name is given twice, and the key by which workers know us."""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"


class Reset:
    """The database as one transaction empties it."""

    def __init__(self, statements: Statements, changed_records: list[str]) -> None:
        self._sql = statements
        self._changed_records = changed_records

    def drop_all(self) -> None:
        """Empty every table but those that are kept. Numbers go on where they were."""
        self._changed_records += [id for (id,) in self._sql.execute("SELECT id FROM task_records")]
        for (table,) in self._sql.execute(_TABLES).fetchall():
            if table not in _KEPT:
                # Without a condition SQLite drops pages, not rows: a million tasks take a second or some.
                self._sql.execute(f"DELETE FROM {table}")
