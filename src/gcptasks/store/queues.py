"""Queues in the database."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from gcptasks.base.names import LocationName, ProjectName, QueueName, parse_queue
from gcptasks.engine.model import Queue
from gcptasks.store.rows import QUEUE_COLUMNS, queue_of, queue_row
from gcptasks.store.times import to_us

_FIND = f"SELECT id, {QUEUE_COLUMNS} FROM queues WHERE name = ?"
_LIST = f"SELECT {QUEUE_COLUMNS} FROM queues WHERE name > ? AND name < ? ORDER BY name LIMIT ?"
_NEXT = "SELECT name FROM queues WHERE name > ? AND name < ? ORDER BY name LIMIT 1"
_ALL = f"SELECT id, {QUEUE_COLUMNS} FROM queues"
_INSERT = f"INSERT INTO queues ({QUEUE_COLUMNS}) VALUES ({', '.join('?' * 11)})"
_UPDATE = f"UPDATE queues SET ({QUEUE_COLUMNS}) = ({', '.join('?' * 11)}) WHERE name = ?"


@dataclass(frozen=True, slots=True)
class StoredQueue:
    """A queue and its number in the database."""

    number: int
    queue: Queue


class Queues:
    """The queues as one transaction sees them. What is in `cache` is not read again (see `Cache`)."""

    def __init__(self, connection: sqlite3.Connection, cache: dict[QueueName, StoredQueue]) -> None:
        self._sql = connection
        self._cache = cache

    def find(self, name: QueueName) -> StoredQueue | None:
        known = self._cache.get(name)
        if known is None:
            row = self._sql.execute(_FIND, (str(name),)).fetchone()
            if row is None:
                return None
            known = self._cache[name] = StoredQueue(row[0], queue_of(row[1:]))
        return known

    def all(self) -> list[StoredQueue]:
        return [StoredQueue(row[0], queue_of(row[1:])) for row in self._sql.execute(_ALL)]

    def page(self, location: LocationName, after: str, limit: int) -> list[Queue]:
        """Up to `limit` queues of the location whose full name comes after `after`, in the order of names (CT-052)."""
        first = f"{location}/queues/"
        # "0" is the character after "/": every name in between begins with `first`.
        rows = self._sql.execute(_LIST, (max(first, after), f"{location}/queues0", limit))
        return [queue_of(row) for row in rows]

    def locations(self, project: ProjectName, after: str, limit: int) -> list[LocationName]:
        """Up to `limit` locations of the project that have queues, beginning behind the one with the id `after`."""
        # From one location straight to the next: what it costs does not depend on how many queues there are.
        first, found = f"{project}/locations/", list[LocationName]()
        behind = f"{first}{after}/queues0" if after else first
        while len(found) < limit and (row := self._sql.execute(_NEXT, (behind, f"{project}/locations0")).fetchone()):
            location = parse_queue(row[0]).location
            found.append(location)
            behind = f"{location}/queues0"
        return found

    def insert(self, queue: Queue) -> None:
        self._sql.execute(_INSERT, queue_row(queue))

    def save(self, queue: Queue) -> None:
        self._cache.pop(queue.name, None)
        self._sql.execute(_UPDATE, (*queue_row(queue), str(queue.name)))

    def delete(self, stored: StoredQueue, blocked_until: datetime) -> int:
        """Drop the queue, and keep its name from being used again until then; how many tasks went with it."""
        name = str(stored.queue.name)
        self._cache.pop(stored.queue.name, None)
        self._sql.execute("DELETE FROM forced WHERE task IN (SELECT id FROM tasks WHERE queue = ?)", (stored.number,))
        tasks = self._sql.execute("DELETE FROM tasks WHERE queue = ?", (stored.number,)).rowcount
        self._sql.execute("DELETE FROM blocked_tasks WHERE queue = ?", (stored.number,))
        self._sql.execute("DELETE FROM queues WHERE id = ?", (stored.number,))
        self._sql.execute("INSERT OR REPLACE INTO blocked_queues VALUES (?, ?)", (name, to_us(blocked_until)))
        return tasks

    def blocked(self, name: QueueName, now: datetime) -> bool:
        """Whether a queue of that name was deleted too recently (CT-032)."""
        query = "SELECT 1 FROM blocked_queues WHERE name = ? AND until > ?"
        return self._sql.execute(query, (str(name), to_us(now))).fetchone() is not None

    def unblock(self, now: datetime) -> None:
        """Set free the names whose block has ended."""
        self._sql.execute("DELETE FROM blocked_queues WHERE until <= ?", (to_us(now),))
