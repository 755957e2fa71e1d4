"""The calls of the store as flows of commands: each step is some commands that are sent together.

A change is a read, the rule, and a script that counts only if the record still has the version that was read. If it has
not, somebody else was faster, and all three are made again.
"""

import re
from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from types import SimpleNamespace
from typing import Any, TypeAlias, TypeVar

from gcptasks.engine.task_records import Event, TaskRecord, TaskStatus, after, as_seen
from gcptasks.results.redis.scripts import ADD, CHANGE, HEAR, REMOVE, Script
from gcptasks.results.rows import changed_row, from_us, new_row, record_of, storable, to_us
from gcptasks.results.store import Attempt, Change, NewRecord, Page, Query

T = TypeVar("T")
Item = TypeVar("Item")

Command: TypeAlias = tuple[str | Script, *tuple[str | bytes | int, ...]]
"""The words of a command; of a script, its keys' number, its keys and its other words."""
Flow: TypeAlias = Generator[Sequence[Command], list[Any], T]

_AT_ONCE = 200
"""How many records a step is about at most."""
_LOOKS = 10_000
"""How many records are looked at for one page: then it ends, with fewer than it may have."""
_TEXTS = ("id", "endpoint", "task_name", "labels", "status", "progress", "error")
_TIMES = ("created_at", "started_at", "finished_at", "heard_at", "expires_at")
_NUMBERS = ("confirmed", "run", "attempt", "version", *_TIMES)
_BYTES = ("arguments", "result")
_FIELDS = (*_TEXTS, *_NUMBERS, *_BYTES)
_BUT_RESULT = _FIELDS[:-1]
_PLACE = re.compile(r"[0-9]{16} \S+")


class RedisFlows:
    """The calls on the keys of one store."""

    def __init__(self, prefix: str, keep: timedelta) -> None:
        self._prefix = prefix
        self._keep = keep
        self._keep_us = keep // timedelta(microseconds=1)

    @property
    def channel(self) -> str:
        """Where changes are told."""
        return f"{self._prefix}:changes"

    def add(self, record: NewRecord) -> Flow[TaskRecord]:
        while True:
            _, *read = yield [self._add(record), *self._reading(record.id)]
            there = _read(*read)
            if there is not None:
                return as_seen(*there)

    def add_many(self, records: Collection[NewRecord]) -> Flow[None]:
        for some in _parts(records):
            yield [self._add(record) for record in some]

    def get(self, id: str) -> Flow[TaskRecord | None]:
        read = _read(*(yield self._reading(id)))
        return None if read is None else as_seen(*read)

    def change(self, id: str, run: int, event: Event) -> Flow[Change | None]:
        while True:
            read = _read(*(yield self._reading(id)))
            if read is None:
                return None
            record, now = read
            changed = after(record, event, run, now, self._keep)
            if changed is record:
                return Change(as_seen(record, now), made=False)
            (written,) = yield [self._change(record, changed)]
            if written:
                return Change(as_seen(changed, now), made=True)

    def hear(self, attempts: Collection[Attempt]) -> Flow[None]:
        for some in _parts(attempts):
            yield [(HEAR, 1, self._key(id), self._prefix, run, number) for id, run, number in some]

    def cancelled(self, attempts: Collection[Attempt]) -> Flow[set[Attempt]]:
        cancelled = set[Attempt]()
        for some in _parts(attempts):
            found = yield [("HMGET", self._key(one.id), "status", "run") for one in some]
            for one, (status, run) in zip(some, found, strict=True):
                if status in (None, TaskStatus.CANCELLED.value.encode()) or int(run) != one.run:
                    cancelled.add(one)
        return cancelled

    def find(self, query: Query) -> Flow[Page]:
        index = f"{self._prefix}:created" + ("" if query.endpoint is None else f":{storable(query.endpoint)}")
        before = "+" if query.after is None else f"({_place(query.after)}"
        # Without a further wish nearly all that is looked at is found.
        every = query.status is None and not query.labels
        at_once = min(query.limit + 1, _AT_ONCE) if every else _AT_ONCE
        found: list[tuple[str, TaskRecord]] = []
        for _ in range(max(_LOOKS // at_once, 1)):
            (members,) = yield [("ZREVRANGEBYLEX", index, before, "-", "LIMIT", 0, at_once)]
            places = [member.decode() for member in members]
            for place, record in (yield from self._records(places)):
                if not _is_wanted(record, query):
                    continue
                if len(found) == query.limit:
                    return Page([record for _, record in found], found[-1][0])
                found.append((place, record))
            if len(places) < at_once:
                return Page([record for _, record in found], None)
            before = f"({places[-1]}"
        return Page([record for _, record in found], before[1:])

    def remove(self, id: str) -> Flow[bool]:
        (removed,) = yield [(REMOVE, 1, self._key(id), self._prefix, storable(id))]
        return bool(removed)

    def versions(self, ids: Collection[str]) -> Flow[Mapping[str, int]]:
        versions = dict[str, int]()
        for some in _parts(ids):
            found = yield [("HGET", self._key(id), "version") for id in some]
            versions.update((id, int(version)) for id, version in zip(some, found, strict=True) if version is not None)
        return versions

    def _key(self, id: str) -> str:
        return f"{self._prefix}:record:{storable(id)}"

    def _add(self, record: NewRecord) -> Command:
        row = new_row(record)
        named = (self._prefix, row["id"], row["endpoint"])
        return (ADD, 1, self._key(record.id), *named, self._keep_us, *_words(row))

    def _change(self, record: TaskRecord, changed: TaskRecord) -> Command:
        row = changed_row(changed)
        sets = _words(row)
        named = (self._prefix, storable(record.id), storable(record.endpoint), record.version, token_hex(8))
        gone = [name for name, value in row.items() if value is None]
        times = (row["created_at"], row["expires_at"])
        return (CHANGE, 1, self._key(record.id), *named, *times, len(sets), *sets, *gone)

    def _reading(self, id: str) -> list[Command]:
        return [("TIME",), ("HMGET", self._key(id), *_FIELDS)]

    def _records(self, places: Sequence[str]) -> Flow[list[tuple[str, TaskRecord]]]:
        """Those of them that are there, without their results."""
        if not places:
            return []
        reads = [("HMGET", self._key(place.partition(" ")[2]), *_BUT_RESULT) for place in places]
        time, *found = yield [("TIME",), *reads]
        now = _time(time)
        records = [(place, _record(_BUT_RESULT, values)) for place, values in zip(places, found, strict=True)]
        # One that was started anew has another place.
        return [
            (place, as_seen(record, now))
            for place, record in records
            if record is not None and record.expires_at > now and place.startswith(f"{to_us(record.created_at)} ")
        ]


def _read(time: Sequence[Any], values: Sequence[bytes | None]) -> tuple[TaskRecord, datetime] | None:
    """The record, and the time."""
    record, now = _record(_FIELDS, values), _time(time)
    return None if record is None or record.expires_at <= now else (record, now)


def _words(row: Mapping[str, Any]) -> list[str | bytes | int]:
    """The fields that have values, each with its value."""
    words: list[str | bytes | int] = []
    for name, value in row.items():
        if value is not None:
            words += (name, int(value) if isinstance(value, bool) else value)
    return words


def _record(fields: Sequence[str], values: Sequence[bytes | None]) -> TaskRecord | None:
    row = dict[str, Any](zip(fields, values, strict=True))
    if row["id"] is None:
        return None
    for name in _TEXTS:
        row[name] = None if row[name] is None else row[name].decode()
    for name in _NUMBERS:
        row[name] = None if row[name] is None else int(row[name])
    return record_of(SimpleNamespace(**{"result": None, **row}))


def _time(answer: Sequence[Any]) -> datetime:
    seconds, microseconds = answer
    return from_us(int(seconds) * 1_000_000 + int(microseconds))


def _is_wanted(record: TaskRecord, query: Query) -> bool:
    return query.status in (None, record.status) and query.labels.items() <= record.labels.items()


def _parts(items: Collection[Item]) -> list[list[Item]]:
    every = list(items)
    return [every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE)]


def _place(cursor: str) -> str:
    if not _PLACE.fullmatch(cursor):
        raise ValueError(f"{cursor!r} is not where a page begins")
    return storable(cursor)
