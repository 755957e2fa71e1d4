"""Queues in the database."""

from dataclasses import dataclass
from datetime import datetime

from gcptasks.base.events import MOST_COUNTED
from gcptasks.base.names import LocationName, QueueName
from gcptasks.engine.model import Queue
from gcptasks.store.rows import QUEUE_COLUMNS, Row, queue_of, queue_row
from gcptasks.store.statements import Statements
from gcptasks.store.times import to_us

_FIND = f"SELECT id, coalesce(first_id, id), {QUEUE_COLUMNS} FROM queues WHERE name = ?"
_LIST = f"SELECT {QUEUE_COLUMNS} FROM queues WHERE name > ? AND name < ? ORDER BY name LIMIT ?"
_CHANGED = f"SELECT id, coalesce(first_id, id), {QUEUE_COLUMNS} FROM queues WHERE version > ?"
_AFTER = f"SELECT id, coalesce(first_id, id), {QUEUE_COLUMNS} FROM queues WHERE id > ? ORDER BY id LIMIT ?"
_WITH_HEADERS = (
    "SELECT 1 FROM queues WHERE name > ? AND name < ? AND json_array_length(http_target, '$.header_overrides') LIMIT 1"
)
_ALL = "SELECT count(*) FROM queues"
_VERSION = "SELECT queues_version FROM meta"
_NEW_VERSION = "UPDATE meta SET queues_version = queues_version + 1"
_MARK = "UPDATE queues SET version = (SELECT queues_version FROM meta) WHERE name = ?"
_VALUES = ", ".join("?" * len(QUEUE_COLUMNS.split(",")))
_INSERT = f"INSERT INTO queues ({QUEUE_COLUMNS}) VALUES ({_VALUES})"
_INSERT_AGAIN = f"INSERT INTO queues ({QUEUE_COLUMNS}, first_id) VALUES ({_VALUES}, ?)"
_UPDATE = f"UPDATE queues SET ({QUEUE_COLUMNS}) = ({_VALUES}) WHERE name = ?"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM tasks WHERE queue = ? LIMIT ?)"


@dataclass(frozen=True, slots=True)
class StoredQueue:
    """A queue and its numbers in the database."""

    number: int
    """What its tasks are kept under. A purge changes it."""
    first_number: int
    """What its blocked names and the ids of unnamed tasks go by. It never changes."""
    queue: Queue


class Queues:
    """The queues as one transaction sees them. What is in `cache` is not read again (see `Cache`)."""

    def __init__(self, statements: Statements, cache: dict[QueueName, StoredQueue]) -> None:
        self._sql = statements
        self._cache = cache

    def find(self, name: QueueName) -> StoredQueue | None:
        known = self._cache.get(name)
        if known is None:
            row = self._sql.execute(_FIND, (str(name),)).fetchone()
            if row is None:
                return None
            known = self._cache[name] = _stored(row)
        return known

    def version(self) -> int:
        """A number that each change of a queue raises."""
        return int(self._sql.execute(_VERSION).fetchone()[0])

    def changed_since(self, version: int) -> list[StoredQueue]:
        """The queues that are new or changed since that version; of what is gone only `count` tells."""
        return [_stored(row) for row in self._sql.execute(_CHANGED, (version,))]

    def after(self, number: int, limit: int) -> list[StoredQueue]:
        """Up to `limit` queues with greater numbers, in their order. One that is new or purged has the greatest."""
        return [_stored(row) for row in self._sql.execute(_AFTER, (number, limit))]

    def count(self) -> int:
        return int(self._sql.execute(_ALL).fetchone()[0])

    def page(self, location: LocationName, after: str, limit: int) -> list[Queue]:
        """Up to `limit` queues of the location whose full name comes after `after`, in the order of names (CT-052)."""
        first = f"{location}/queues/"
        # "0" is the character after "/": every name in between begins with `first`.
        rows = self._sql.execute(_LIST, (max(first, after), f"{location}/queues0", limit))
        return [queue_of(row) for row in rows]

    def override_headers_in(self, location: LocationName) -> bool:
        """Whether a queue of the location overrides headers of its tasks."""
        return self._sql.execute(_WITH_HEADERS, (f"{location}/queues/", f"{location}/queues0")).fetchone() is not None

    def insert(self, queue: Queue) -> None:
        self._sql.execute(_INSERT, queue_row(queue))
        self._mark(queue.name)

    def save(self, queue: Queue) -> None:
        self._cache.pop(queue.name, None)
        self._sql.execute(_UPDATE, (*queue_row(queue), str(queue.name)))
        self._mark(queue.name)

    def purge(self, stored: StoredQueue, purged: Queue, names_until: datetime) -> int:
        """Drop all tasks of the queue, their names blocked until then (CT-283), and save it as it is now.

        Returns how many there were, counted up to `MOST_COUNTED`.
        """
        tasks = self._leave(stored, to_us(names_until))
        # Under another number, so that nobody finds them from now on.
        self._sql.execute(_INSERT_AGAIN, (*queue_row(purged), stored.first_number))
        self._mark(purged.name)
        return tasks

    def delete(self, stored: StoredQueue, blocked_until: datetime) -> int:
        """Drop the queue with its tasks and its policy, and keep its name from being used again until then.

        Returns how many tasks there were, counted up to `MOST_COUNTED`.
        """
        tasks = self._leave(stored, None)
        self._sql.execute("DELETE FROM iam_policies WHERE queue = ?", (stored.first_number,))
        values = (str(stored.queue.name), to_us(blocked_until))
        self._sql.execute("INSERT OR REPLACE INTO blocked_queues VALUES (?, ?)", values)
        return tasks

    def _mark(self, name: QueueName) -> None:
        """Let other processes see that this queue is new or changed, without looking at all of them."""
        self._sql.execute(_NEW_VERSION)
        self._sql.execute(_MARK, (str(name),))

    def _leave(self, stored: StoredQueue, names_until: int | None) -> int:
        """Drop the row of the queue, and leave its tasks to be dropped bit by bit; how many there are."""
        self._cache.pop(stored.queue.name, None)
        self._sql.execute("INSERT INTO leftovers VALUES (?, ?, ?)", (stored.first_number, stored.number, names_until))
        self._sql.execute("DELETE FROM queues WHERE id = ?", (stored.number,))
        found: int = self._sql.execute(_COUNT, (stored.number, MOST_COUNTED)).fetchone()[0]
        return found

    def blocked(self, name: QueueName, now: datetime) -> bool:
        """Whether a queue of that name was deleted too recently (CT-032)."""
        query = "SELECT 1 FROM blocked_queues WHERE name = ? AND until > ?"
        return self._sql.execute(query, (str(name), to_us(now))).fetchone() is not None

    def unblock(self, now: datetime, limit: int) -> int:
        """Set free up to `limit` names whose block has ended; how many there were."""
        query = "DELETE FROM blocked_queues WHERE name IN (SELECT name FROM blocked_queues WHERE until <= ? LIMIT ?)"
        return self._sql.execute(query, (to_us(now), limit)).rowcount


def _stored(row: Row) -> StoredQueue:
    return StoredQueue(row[0], row[1], queue_of(row[2:]))
