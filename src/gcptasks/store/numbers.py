"""The numbers that tasks get, one after the other and never twice in one database."""

import sqlite3


class Numbers:
    """Numbers for new tasks within one transaction; `flush` keeps what was issued."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._row: tuple[int, int] | None = None
        self._kept = 0

    @property
    def key(self) -> int:
        """The database's own random number, which makes the ids of its unnamed tasks."""
        return self._loaded()[0]

    def new(self) -> int:
        key, number = self._loaded()
        self._row = (key, number + 1)
        return number

    def issued(self, number: int) -> bool:
        return number < self._loaded()[1]

    def flush(self) -> None:
        """Keep the next number in the file, if one was issued."""
        if self._row is not None and self._row[1] != self._kept:
            self._kept = self._row[1]
            self._sql.execute("UPDATE meta SET next_number = ?", (self._kept,))

    def _loaded(self) -> tuple[int, int]:
        if self._row is None:
            self._row = self._sql.execute("SELECT id_key, next_number FROM meta").fetchone()
            assert self._row is not None
            self._kept = self._row[1]
        return self._row
