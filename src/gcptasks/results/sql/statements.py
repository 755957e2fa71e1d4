"""The statements on the table of records, as its database has them.

Each is a transaction of its own: the engines commit every statement. All times are the database's.
"""

import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Executable,
    Select,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from gcptasks.engine.task_records import FRESH_FOR, TaskStatus
from gcptasks.results.rows import json_of

_MYSQL_NOW = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
_NOW: Mapping[str, ColumnElement[int]] = {
    # That of the statement does not change while it is made, so that indexes can be used.
    "postgresql": literal_column("CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT)", BigInteger),
    "mysql": literal_column(_MYSQL_NOW, BigInteger),
    "mariadb": literal_column(_MYSQL_NOW, BigInteger),
    # Its own clock is this machine's as well, but has no more than milliseconds.
    "sqlite": bindparam("now", callable_=lambda: time.time_ns() // 1000, type_=BigInteger),
}
_FIXED = ("id", "endpoint")
"""The columns that never change."""
DIALECTS = frozenset(_NOW)
GONE = "-"
"""What PostgreSQL tells in place of a version when a record was removed."""
_FRESH_US = int(FRESH_FOR.total_seconds() * 1_000_000)


class Statement(NamedTuple):
    """One statement, as a step of a flow."""

    executable: Executable
    parameters: Mapping[str, Any] | None = None
    repeatable: bool = True
    """Whether it may be made again where nobody knows if it was made."""


class Place(NamedTuple):
    """Where a page of records begins: after the one with that time and id."""

    created_at: int
    id: str


class Statements:
    """All statements on one table."""

    def __init__(self, table: Table, dialect: str) -> None:
        self._table = table
        self._dialect = dialect
        self._now = _NOW[dialect]
        self._there = table.c.expires_at > self._now
        this = table.c.id == bindparam("this")
        these = table.c.id.in_(bindparam("these", expanding=True))

        self._get = select(self._now.label("now"), *table.c).where(this, self._there)
        self._versions = select(table.c.id, table.c.version).where(these, self._there)
        is_cancelled = table.c.status == TaskStatus.CANCELLED.value
        self._not_cancelled = select(table.c.id, table.c.run).where(these, self._there, ~is_cancelled)
        # The other columns are those of the parameters.
        self._add = self._adding(self._stamps(bindparam("keep", type_=BigInteger)))
        if dialect == "postgresql":
            self._add = self._add.returning(self._now.label("now"), *table.c)
        self._change = self._notifying(
            update(table)
            .where(this, table.c.version == bindparam("of_version"))
            .values({c.name: bindparam(f"new_{c.name}", type_=c.type) for c in table.c if c.name not in _FIXED}),
            cast(table.c.version, Text),
        )
        self._hear = self._hearing()
        self._remove = self._notifying(delete(table).where(this, self._there), literal(GONE))
        self._drop_expired_one = delete(table).where(this, ~self._there)
        self._expired = select(table.c.id).where(~self._there).order_by(table.c.expires_at).limit(bindparam("few"))
        self._drop_expired = delete(table).where(these, ~self._there)

    @property
    def channel(self) -> str:
        """Where PostgreSQL tells of changes."""
        return self._table.name

    def get(self, id: str) -> Statement:
        """A row with all columns, and `now`."""
        return Statement(self._get, {"this": id})

    def versions(self, ids: Collection[str]) -> Statement:
        return Statement(self._versions, {"these": list(ids)})

    def not_cancelled(self, ids: Collection[str]) -> Statement:
        return Statement(self._not_cancelled, {"these": list(ids)})

    def add(self, row: Mapping[str, Any], keep_us: int) -> Statement:
        """Nothing is added if the id is there, expired or not. PostgreSQL answers with the row that was added."""
        return Statement(self._add, {**row, "keep": keep_us})

    def add_many(self, rows: Collection[Mapping[str, Any]], keep_us: int) -> Statement:
        stamps = self._stamps(literal(keep_us, BigInteger))
        return Statement(self._adding([{**row, **stamps} for row in rows]))

    def change(self, id: str, version: int, changed: Mapping[str, Any]) -> Statement:
        """Changes it if it still has that version."""
        new = {f"new_{name}": value for name, value in changed.items()}
        return Statement(self._change, {"this": id, "of_version": version, **new}, repeatable=False)

    def hear(self, attempts: Collection[tuple[str, int, int]]) -> Statement:
        return Statement(self._hear, {"attempts": list(attempts)})

    def remove(self, id: str) -> Statement:
        return Statement(self._remove, {"this": id})

    def drop_expired_one(self, id: str) -> Statement:
        return Statement(self._drop_expired_one, {"this": id})

    def expired(self, few: int) -> Statement:
        return Statement(self._expired, {"few": few})

    def drop_expired(self, ids: Collection[str]) -> Statement:
        return Statement(self._drop_expired, {"these": list(ids)})

    def find(
        self,
        endpoint: str | None,
        status: TaskStatus | None,
        labels: Mapping[str, str],
        after: Place | None,
        limit: int,
    ) -> Statement:
        """Rows as `get` has them, without results, the newest first."""
        c = self._table.c
        columns = [null().label("result") if column is c.result else column for column in c]
        found: Select[Any] = select(self._now.label("now"), *columns).where(self._there)
        if endpoint is not None:
            found = found.where(c.endpoint == endpoint)
        if status is not None:
            found = found.where(self._seen_as(status))
        for name, value in labels.items():
            found = found.where(self._has_label(name, value))
        if after is not None:
            older = and_(c.created_at == after.created_at, c.id < after.id)
            found = found.where(c.created_at <= after.created_at, or_(c.created_at < after.created_at, older))
        return Statement(found.order_by(c.created_at.desc(), c.id.desc()).limit(limit))

    def _adding(self, values: Any) -> Any:
        """An insert that leaves out what has an id that is there."""
        if self._dialect == "postgresql":
            return postgresql.insert(self._table).values(values).on_conflict_do_nothing(index_elements=["id"])
        if self._dialect == "sqlite":
            return sqlite.insert(self._table).values(values).on_conflict_do_nothing(index_elements=["id"])
        return insert(self._table).prefix_with("IGNORE").values(values)

    def _stamps(self, keep_us: ColumnElement[int]) -> dict[str, ColumnElement[int]]:
        # The version of a record is above all those that an earlier record of its id had.
        return {"created_at": self._now, "expires_at": self._now + keep_us, "version": self._now}

    def _hearing(self) -> Executable:
        c = self._table.c
        attempts = tuple_(c.id, c.run, c.attempt).in_(bindparam("attempts", expanding=True))
        heard = update(self._table).where(attempts, c.status == TaskStatus.RUNNING.value, self._there)
        # No other version: nobody waits for that, and a change that is made meanwhile may well write over it.
        return heard.values(heard_at=self._now)

    def _notifying(self, changing: Update | Delete, news: ColumnElement[str]) -> Executable:
        """The statement; on PostgreSQL it also tells of each record that it changed, and answers with a row for it."""
        if self._dialect != "postgresql":
            return changing
        changed = changing.returning((self._table.c.id + " " + news).label("news")).cte("changed")
        return select(func.pg_notify(self.channel, changed.c.news)).select_from(changed)

    def _seen_as(self, status: TaskStatus) -> ColumnElement[bool]:
        """As `as_seen` says it."""
        c = self._table.c
        is_it = c.status == status.value
        fresh_from = self._now - _FRESH_US
        if status is TaskStatus.RUNNING:
            return and_(is_it, c.heard_at >= fresh_from)
        if status is TaskStatus.WAITING:
            silent = or_(c.heard_at.is_(None), c.heard_at < fresh_from)
            return or_(is_it, and_(c.status == TaskStatus.RUNNING.value, silent))
        return is_it

    def _has_label(self, name: str, value: str) -> ColumnElement[bool]:
        # A quote inside a name or a value is escaped, so a quote after "{" or "," begins a name.
        pair = json_of({name: value})[1:-1]
        where = func.strpos if self._dialect == "postgresql" else func.instr
        labels = self._table.c.labels
        return or_(where(labels, "{" + pair) > 0, where(labels, "," + pair) > 0)
