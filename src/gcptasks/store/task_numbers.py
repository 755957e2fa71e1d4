"""The numbers that tasks get, one after the other and never twice in one database."""

from gcptasks.engine.made_ids import made_id, made_number
from gcptasks.store.cache import Cache
from gcptasks.store.statements import Statements

_QUEUE_SHIFT = 40
_KEY_MASK = 2**64 - 1


class TaskNumbers:
    """Numbers for new tasks within one transaction; `flush` keeps what was issued."""

    def __init__(self, statements: Statements, cache: Cache) -> None:
        self._sql = statements
        self._cache = cache
        self._row = cache.numbers
        self._kept = 0 if self._row is None else self._row[1]

    def new(self) -> int:
        key, number = self._loaded()
        self._row = (key, number + 1)
        return number

    def id_of(self, queue: int, number: int) -> str:
        """The id of the unnamed task with that number in the queue with that one."""
        return made_id(number, self._key(queue))

    def number_of(self, queue: int, task_id: str) -> int | None:
        """The number whose id in that queue this is; None if no such number was issued."""
        number = made_number(task_id, self._key(queue))
        return number if number is not None and number < self._loaded()[1] else None

    def mark(self) -> tuple[int, int] | None:
        """What was issued so far, for `back_to`."""
        return self._row

    def back_to(self, mark: tuple[int, int] | None) -> None:
        """Take back what was issued since `mark`, to which nobody refers."""
        self._row = mark

    def flush(self) -> None:
        """Keep the next number in the file, if one was issued."""
        if self._row is not None and self._row[1] != self._kept:
            self._kept = self._row[1]
            self._sql.execute("UPDATE meta SET next_number = ?", (self._kept,))
            self._cache.numbers = self._row

    def _key(self, queue: int) -> int:
        # Other high bits in each queue: an id that was made in one reads as a number not yet issued in all others,
        # so that it is free there (CT-132).
        return self._loaded()[0] ^ ((queue << _QUEUE_SHIFT) & _KEY_MASK)

    def _loaded(self) -> tuple[int, int]:
        if self._row is None:
            self._row = self._sql.execute("SELECT id_key, next_number FROM meta").fetchone()
            assert self._row is not None
            self._kept = self._row[1]
            self._cache.numbers = self._row
        return self._row
