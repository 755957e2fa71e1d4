"""The calls of the store as flows of statements.

A change is a read, the rule, and a write that counts only if the record still has the version that was read. If it has
not, somebody else was faster, and all three are made again.
"""

from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple, TypeAlias, TypeVar

from gcptasks.engine.task_records import Event, TaskRecord, after, as_seen
from gcptasks.results.rows import changed_row, from_us, new_row, record_of, storable, to_us
from gcptasks.results.sql.statements import Place, Statement, Statements
from gcptasks.results.store import Attempt, Change, NewRecord, Page, Query

T = TypeVar("T")
Item = TypeVar("Item")

_IN_ONE = 200
"""How many records a statement names at most: a database bounds its parameters."""
_DROP_EVERY = 64
"""How many calls add records for each that also drops those that expired …"""
_DROP = 256
"""… and how many it drops: more than were added."""


class Answer(NamedTuple):
    """What a database says to a statement."""

    rows: Sequence[Any]
    changed: int
    """How many rows it changed."""


Flow: TypeAlias = Generator[Statement, Answer, T]


class SQLFlows:
    """The calls on the table of one store."""

    def __init__(self, statements: Statements, keep: timedelta) -> None:
        self._statements = statements
        self._keep = keep
        self._keep_us = keep // timedelta(microseconds=1)
        self._adds = count()

    def add(self, record: NewRecord) -> Flow[TaskRecord]:
        yield from self._drop_expired_at_times()
        row = new_row(record)
        id = row["id"]
        while True:
            answer = yield self._statements.add(row, self._keep_us)
            if answer.rows:
                return _seen(answer.rows[0])
            there = yield from self.get(id)
            if there is not None:
                return there
            yield self._statements.drop_expired_one(id)

    def add_many(self, records: Collection[NewRecord]) -> Flow[None]:
        yield from self._drop_expired_at_times()
        for some in _parts([new_row(record) for record in records]):
            yield self._statements.add_many(some, self._keep_us)

    def get(self, id: str) -> Flow[TaskRecord | None]:
        answer = yield self._statements.get(storable(id))
        return _seen(answer.rows[0]) if answer.rows else None

    def change(self, id: str, run: int, event: Event) -> Flow[Change | None]:
        id = storable(id)
        while True:
            read = yield self._statements.get(id)
            if not read.rows:
                return None
            record, now = record_of(read.rows[0]), from_us(read.rows[0].now)
            changed = after(record, event, run, now, self._keep)
            if changed is record:
                return Change(as_seen(record, now), made=False)
            write = yield self._statements.change(id, record.version, changed_row(changed))
            if write.changed:
                return Change(as_seen(changed, now), made=True)

    def hear(self, attempts: Collection[Attempt]) -> Flow[None]:
        # In one order, so that two of them at once do not wait for each other.
        for some in _parts(sorted((storable(id), run, number) for id, run, number in attempts)):
            yield self._statements.hear(some)

    def cancelled(self, attempts: Collection[Attempt]) -> Flow[set[Attempt]]:
        wanted = set[tuple[str, int]]()
        for some in _parts({storable(one.id) for one in attempts}):
            answer = yield self._statements.not_cancelled(some)
            wanted.update((row.id, row.run) for row in answer.rows)
        return {one for one in attempts if (one.id, one.run) not in wanted}

    def find(self, query: Query) -> Flow[Page]:
        answer = yield self._statements.find(
            None if query.endpoint is None else storable(query.endpoint),
            query.status,
            query.labels,
            None if query.after is None else _place(query.after),
            query.limit + 1,
        )
        records = [_seen(row) for row in answer.rows[: query.limit]]
        return Page(records, _cursor(records[-1]) if len(answer.rows) > query.limit else None)

    def remove(self, id: str) -> Flow[bool]:
        answer = yield self._statements.remove(storable(id))
        return answer.changed > 0

    def versions(self, ids: Collection[str]) -> Flow[Mapping[str, int]]:
        versions: dict[str, int] = {}
        for some in _parts(ids):
            answer = yield self._statements.versions([storable(id) for id in some])
            versions.update((row.id, row.version) for row in answer.rows)
        return versions

    def _drop_expired_at_times(self) -> Flow[None]:
        if next(self._adds) % _DROP_EVERY:
            return
        answer = yield self._statements.expired(_DROP)
        if answer.rows:
            yield self._statements.drop_expired(sorted(row.id for row in answer.rows))


def _seen(row: Any) -> TaskRecord:
    return as_seen(record_of(row), from_us(row.now))


def _parts(items: Collection[Item]) -> list[list[Item]]:
    every = list(items)
    return [every[start : start + _IN_ONE] for start in range(0, len(every), _IN_ONE)]


def _cursor(last: TaskRecord) -> str:
    return f"{to_us(last.created_at)}-{last.id}"


def _place(cursor: str) -> Place:
    created_at, dash, id = cursor.partition("-")
    if not (dash and created_at.isascii() and created_at.isdecimal() and len(created_at) < 19):
        raise ValueError(f"{cursor!r} is not where a page begins")
    return Place(int(created_at), storable(id))
