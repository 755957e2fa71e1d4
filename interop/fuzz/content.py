"""What is in the service's database, seen from outside."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Self

_LONG = 200
"""Characters or bytes of a value that are compared."""
Rows = Mapping[str, frozenset[tuple[object, ...]]]
"""By table."""


class Content:
    """A database that a service writes to."""

    def __init__(self, path: Path) -> None:
        self._sql = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._sql.close()

    def version(self) -> int:
        """A number that is another one once somebody has written."""
        (version,) = self._sql.execute("PRAGMA data_version").fetchone()
        return int(version)

    def rows(self) -> Rows:
        """The rows of each table, with the beginning of what is long in them."""
        tables = [name for (name,) in self._sql.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {table: frozenset(self._sql.execute(self._query(table))) for table in tables}

    def _query(self, table: str) -> str:
        columns = [row[1] for row in self._sql.execute(f'PRAGMA table_info("{table}")')]
        return f'SELECT {", ".join(f"substr({column}, 1, {_LONG})" for column in columns)} FROM "{table}"'

    def damage(self) -> str:
        """What is wrong with the file; empty if nothing is."""
        found = [text for (text,) in self._sql.execute("PRAGMA integrity_check") if text != "ok"]
        found += [
            f"a row of {row[0]} refers to none of {row[2]}" for row in self._sql.execute("PRAGMA foreign_key_check")
        ]
        return "\n".join(found)
