"""The verbs on records of tasks, which the local service keeps for whoever asks (`LocalService.results`)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from gcptasks.engine.task_records import Event, Restarted, TaskRecord, after, as_seen
from gcptasks.results.store import Attempt, Change, NewRecord, Page, Query
from gcptasks.store.task_records import Wanted
from gcptasks.store.times import to_us
from gcptasks.store.tx import Tx

_LOOKS = 1000
"""Records that one call of `find_records` looks at, so that no event loop is held for more than some milliseconds."""


def add_record(tx: Tx, new: NewRecord, keep: timedelta, now: datetime) -> TaskRecord:
    """The record: a new one, or what is there already under its id."""
    there = tx.records.find(new.id, now)
    if there is not None:
        return as_seen(there.record, now)
    record = _made(new, keep, now)
    tx.records.insert(record, keep)
    return record


def add_records(tx: Tx, new: Collection[NewRecord], keep: timedelta, now: datetime) -> None:
    for one in new:
        tx.records.insert(_made(one, keep, now), keep)


def get_records(tx: Tx, ids: Collection[str], now: datetime) -> dict[str, TaskRecord]:
    """Those of them that are there, by their ids."""
    return {id: as_seen(record, now) for id, record in tx.records.find_many(ids, now).items()}


def record_versions(tx: Tx, ids: Collection[str], now: datetime) -> dict[str, int]:
    """The versions of those of them that are there."""
    return tx.records.versions(ids, now)


def change_record(tx: Tx, id: str, run: int, event: Event, now: datetime) -> Change | None:
    """The record after the event; None if there is none."""
    kept = tx.records.find(id, now)
    if kept is None:
        return None
    record = after(kept.record, event, run, now, kept.keep)
    made = record is not kept.record
    if made and isinstance(event, Restarted):
        tx.records.insert(record, kept.keep)
    elif made:
        tx.records.save(record)
    return Change(as_seen(record, now), made)


def hear_records(tx: Tx, attempts: Collection[Attempt], now: datetime) -> None:
    """Those attempts still run."""
    tx.records.hear(attempts, now)


def cancelled_records(tx: Tx, ids: Collection[str], now: datetime) -> set[str]:
    """Which of them are cancelled or not there."""
    return set(ids) - tx.records.wanted(ids, now)


def find_records(tx: Tx, query: Query, now: datetime) -> Page:
    """A page that may have fewer records than asked for, even none, though there are more."""
    wanted = Wanted(query.endpoint, query.status, query.labels)
    before = None if query.after is None else int(query.after)
    found, last = tx.records.look(wanted, before, now, query.limit, max(_LOOKS, query.limit))
    records = [as_seen(record, now) for _, record in found]
    return Page(records, None if last is None else str(last))


def remove_record(tx: Tx, id: str, now: datetime) -> bool:
    """True if it was there."""
    return tx.records.remove(id, now)


def _made(new: NewRecord, keep: timedelta, now: datetime) -> TaskRecord:
    return TaskRecord(
        id=new.id,
        endpoint=new.endpoint,
        task_name=new.task_name,
        labels=new.labels,
        arguments=new.arguments,
        confirmed=new.confirmed,
        created_at=now,
        expires_at=now + keep,
        # Greater than that of a record with this id that was forgotten or has expired.
        version=to_us(now),
    )
