"""What the scheduler does to the database: it begins executions and attempts, and keeps how these ended."""

from dataclasses import replace
from datetime import datetime

from gcptasks.base.events import JobAttemptStarted
from gcptasks.engine import job_delivery, jobs
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.service.dispatch import Ended
from gcptasks.service.policy import Policy
from gcptasks.store.executions import Begun, DueJob, UnderWay
from gcptasks.store.jobs import StoredJob
from gcptasks.store.tx import Tx

_CUT_OFF = Reply(status=0, reason="the service ended while it ran")


def next_due(tx: Tx, *, attempts: bool) -> datetime | None:
    """When the next job is due, or, if there is room for `attempts`, the next of these; None if none is."""
    return tx.executions.next_due(attempts=attempts)


def begin(tx: Tx, now: datetime, limit: int, room: int) -> list[Begun]:
    """Begin the executions of up to `limit` jobs whose time has come, and up to `room` attempts that are due."""
    for one in tx.executions.due_jobs(now, limit):
        decided = jobs.due(one.stored.job, one.running, now)
        tx.executions.set_next(one.stored.number, decided.job.next_at)
        if decided.execution is not None:
            tx.executions.add(one.stored.number, decided.execution, decided.execution.scheduled_at)
        tx.happened(decided.events)
    begun = tx.executions.begin(now, min(limit, room)) if room else []
    tx.happened(JobAttemptStarted(one.name, one.execution.scheduled_at, one.execution.attempts, now) for one in begun)
    return begun


def outgoing(app_engine: str | None, begun: Begun) -> Outgoing:
    """What is sent for that attempt. App Engine apps are at that address; `Unreachable` if one is meant and none is."""
    return job_delivery.outgoing(begun.job, begun.execution, app_engine)


def large_outgoing(app_engine: str | None, tx: Tx, begun: Begun) -> Outgoing | None:
    """As `outgoing`, for an attempt whose body is unread; None if its job is gone."""
    body = tx.executions.body(begun.job_number)
    return None if body is None else outgoing(app_engine, replace(begun, job=job_delivery.with_body(begun.job, body)))


def acknowledge(tx: Tx, ended: list[Ended[Begun]], policy: Policy) -> None:
    """Keep how these attempts ended."""
    for one in ended:
        under_way = tx.executions.under_way(one.leased.number)
        if under_way is None:  # its job was deleted
            tx.executions.end(one.leased.number)
        else:
            _keep(tx, under_way, one.reply, one.at, policy)


def give_back(tx: Tx, begun: list[Begun], now: datetime) -> None:
    """Take these attempts for none: they were never sent."""
    for one in begun:
        tx.executions.give_back(one.number, now)
    tx.changes.jobs = True


def end_cut_off(tx: Tx, after: int, now: datetime, limit: int, policy: Policy) -> int | None:
    """Take attempts that another process left behind for failed; the number to go on behind, or None at the end.

    For whoever is about to be the only one that makes attempts.
    """
    found = tx.executions.all_under_way(after, limit)
    for one in found:
        _keep(tx, one, _CUT_OFF, now, policy)
    return found[-1].number if len(found) == limit else None


def skip_missed(tx: Tx, now: datetime, limit: int) -> bool:
    """Skip up to `limit` scheduled times that have come while nobody ran them (CS-L11); whether there may be more."""
    found = tx.executions.due_jobs(now, limit)
    for one in found:
        _skip(tx, one, now)
    return len(found) == limit


def begin_intervals_anew(tx: Tx, now: datetime) -> int:
    """The clock was set back: have no interval wait for longer than it would from now on; how many did."""
    count = 0
    for stored in tx.executions.intervals():
        anew = jobs.begun_anew(stored.job, now)
        if anew.next_at != stored.job.next_at:
            tx.executions.set_next(stored.number, anew.next_at)
            count += 1
    return count


def _keep(tx: Tx, under_way: UnderWay, reply: Reply, at: datetime, policy: Policy) -> None:
    stored = under_way.stored
    growth = policy.measured_growth
    decided = jobs.answered(stored.job, under_way.execution, reply, at, measured_growth=growth)
    tx.executions.keep_answer(StoredJob(stored.number, decided.job))
    if decided.retry_at is None:
        tx.executions.end(under_way.number)
    elif decided.counts:
        tx.executions.wait(under_way.number, decided.retry_at)
    else:
        tx.executions.give_back(under_way.number, decided.retry_at)
    tx.changes.jobs = True
    tx.happened(decided.events)


def _skip(tx: Tx, one: DueJob, now: datetime) -> None:
    decided = jobs.missed(one.stored.job, now)
    # A retry that was waited for would be late: it ends at the next scheduled time (CS-149).
    tx.jobs.end_retries(one.stored.number)
    tx.executions.set_next(one.stored.number, decided.job.next_at)
    tx.happened(decided.events)
