"""The verbs on records of tasks, which the local service keeps for whoever asks (`LocalService.results`)."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from gcptasks.engine.model import Task
from gcptasks.engine.task_records import (
    FRESH_FOR,
    RECORD_HEADER,
    Event,
    GivenUp,
    Restarted,
    Started,
    Succeeded,
    TaskRecord,
    TaskStatus,
    after,
    as_seen,
    parse_record_tag,
)
from gcptasks.results.store import Attempt, Change, NewRecord, Page, Query
from gcptasks.store.task_records import Tagged, Wanted
from gcptasks.store.times import to_us
from gcptasks.store.tx import Tx

_LOOKS = 1000
"""Records that one call of `find_records` looks at, so that no event loop is held for more than some milliseconds."""

DELETED = "the task was deleted from its queue"


def add_record(tx: Tx, new: NewRecord, keep: timedelta, now: datetime) -> TaskRecord:
    """The record: a new one, or what is there already under its id."""
    there = tx.records.find(new.id, now)
    if there is not None:
        return as_seen(there.record, now)
    record = _made(new, keep, now)
    tx.records.insert(record, keep)
    return record


def add_records(tx: Tx, new: Iterable[NewRecord], keep: timedelta, now: datetime) -> None:
    """Add those, whose ids are new: nobody waits for them yet."""
    tx.records.add(new, keep, now)


def get_records(tx: Tx, ids: Collection[str], now: datetime) -> dict[str, TaskRecord]:
    """Those of them that are there, by their ids."""
    return {id: as_seen(record, now) for id, record in tx.records.find_many(ids, now).items()}


def record_versions(tx: Tx, ids: Collection[str], now: datetime) -> dict[str, int]:
    """The versions of those of them that are there."""
    return tx.records.versions(ids, now)


def change_record(tx: Tx, id: str, run: int, event: Event, now: datetime) -> Change | None:
    """The record after the event; None if there is none."""
    usual = _usual_change(tx, id, run, event, now)
    if usual is not None:
        return Change(usual, made=True)
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


def _usual_change(tx: Tx, id: str, run: int, event: Event, now: datetime) -> TaskRecord | None:
    """The record after an event that every task has, if it changes the record, by a shorter way."""
    if isinstance(event, Started):
        return tx.records.start(id, run, event, now)
    if isinstance(event, Succeeded):
        return tx.records.succeed(id, run, event, now)
    return None


def hear_records(tx: Tx, attempts: Collection[Attempt], now: datetime) -> None:
    """Those attempts still run."""
    tx.records.hear(attempts, now)


def cancelled_records(tx: Tx, attempts: Collection[Attempt], now: datetime) -> set[Attempt]:
    """Which of them are of a task that is cancelled, was begun anew since, or is not there."""
    wanted = tx.records.wanted([one.id for one in attempts], now)
    return {one for one in attempts if (one.id, one.run) not in wanted}


def find_records(tx: Tx, query: Query, now: datetime) -> Page:
    """A page that may have fewer records than asked for, even none, though there are more."""
    wanted = Wanted(query.endpoint, query.status, query.labels)
    before = None if query.after is None else _number(query.after)
    found, last = tx.records.look(wanted, before, now, query.limit, max(_LOOKS, query.limit))
    records = [as_seen(record, now) for _, record in found]
    return Page(records, None if last is None else str(last))


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise ValueError(f"{cursor!r} is not where a page begins")
    return int(cursor)


def remove_record(tx: Tx, id: str, now: datetime) -> bool:
    """True if it was there."""
    return tx.records.remove(id, now)


def tasks_succeeded(tx: Tx, tasks: Iterable[Task], now: datetime) -> None:
    """End the records of these, as far as their workers have not: an HTTP status counts where nothing else was said."""
    for run in _open(tx, _tags(tasks), now):
        change_record(tx, run.id, run.run, Succeeded(run.record.attempt, None), now)


def task_given_up(tx: Tx, task: Task, reason: str, now: datetime) -> None:
    """End its record: its last attempt failed, whether or not its worker could say so."""
    for run in _open(tx, _tags([task]), now):
        change_record(tx, run.id, run.run, GivenUp(reason), now)


def task_deleted(tx: Tx, task: Task, now: datetime) -> None:
    """End its record, for no attempt of it begins any more; one that is under way still ends it by itself."""
    tasks_dropped(tx, _tags([task]), DELETED, now)


def tasks_dropped(tx: Tx, tagged: Collection[Tagged], reason: str, now: datetime) -> None:
    """As `task_deleted`, for another reason."""
    for run in _open(tx, tagged, now):
        _end_unless_it_runs(tx, run.record, reason, now)


def sweep_records(tx: Tx, certain: datetime, limit: int, now: datetime) -> int:
    """Drop some of the records that had expired at that time, and end those whose task is gone and whose worker died.

    Returns how many were looked at, `limit` at most.
    """
    swept = tx.records.drop_expired(certain, limit)
    for id in swept.open:
        kept = tx.records.find(id, now)
        if kept is not None:
            _end_unless_it_runs(tx, kept.record, DELETED, now)
    return swept.looks


def _end_unless_it_runs(tx: Tx, record: TaskRecord, reason: str, now: datetime) -> None:
    """End the record of a task that is gone: now, or, if its attempt falls silent, when it is swept."""
    if as_seen(record, now).status is TaskStatus.RUNNING:
        tx.records.look_at(record.id, now + FRESH_FOR)
    else:
        change_record(tx, record.id, record.run, GivenUp(reason), now)


class _Run(NamedTuple):
    """A record that is not final, and the run of it that a task is."""

    id: str
    run: int
    record: TaskRecord


def _tags(tasks: Iterable[Task]) -> list[Tagged]:
    tags = [(task.name.task, task.request.headers.get(RECORD_HEADER)) for task in tasks]
    return [Tagged(task_id, tag) for task_id, tag in tags if tag is not None]


def _open(tx: Tx, tagged: Collection[Tagged], now: datetime) -> Iterator[_Run]:
    tasks = {tag: one.task_id for one in tagged if (tag := parse_record_tag(one.tag)) is not None}
    if not tasks:
        return
    open_ids = tx.records.open([id for id, _ in tasks], now)
    for (id, run), task_id in tasks.items():
        kept = tx.records.find(id, now) if id in open_ids else None
        # Anybody may send the header, but a record knows the name of its task.
        if kept is not None and kept.record.task_name.endswith(f"/tasks/{task_id}"):
            yield _Run(id, run, kept.record)


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
