"""What the scheduler does to the database: it begins executions and attempts, and keeps how these ended."""

from dataclasses import replace
from datetime import datetime

from gcptasks.base.events import JobAttemptStarted
from gcptasks.engine import job_delivery, jobs
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.job_model import JobState
from gcptasks.engine.model import CUT_OFF, Reply
from gcptasks.service.dispatch import Ended
from gcptasks.service.policy import Policy
from gcptasks.store.executions import Begun, UnderWay
from gcptasks.store.jobs import StoredJob
from gcptasks.store.tx import Tx


def next_due(tx: Tx, *, attempts: bool) -> datetime | None:
    """When the next job is due, or, if there is room for `attempts`, the next of these; None if none is."""
    return tx.executions.next_due(attempts=attempts)


def begin(tx: Tx, now: datetime, limit: int, room: int) -> list[Begun]:
    """Begin up to `room` attempts: of executions that are due, and of up to `limit` jobs whose time has come."""
    begun = tx.executions.begin(now, min(limit, room)) if room else []
    times: list[tuple[int, datetime | None, datetime | None]] = []
    for one in tx.executions.due_jobs(now, limit):
        job = one.sent.number
        decided = jobs.due(one.sent.job, now, running=one.running, retrying=one.retrying)
        tx.happened(decided.events)
        begins = decided.execution is not None and len(begun) < room
        if decided.execution is not None:
            if one.retrying:
                tx.jobs.end_retries(job)
            if begins:
                first = replace(decided.execution, attempts=1, first_attempt_at=now)
                begun.append(tx.executions.add_begun(one.sent, first))
            else:
                tx.executions.add(job, decided.execution, decided.execution.scheduled_at)
        times.append((job, decided.next_at, now if begins else None))
    tx.executions.set_times(times)
    tx.happened(JobAttemptStarted(one.name, one.execution.scheduled_at, one.execution.attempts, now) for one in begun)
    return begun


def outgoing(app_engine: str | None, begun: Begun) -> Outgoing:
    """What is sent for that attempt. App Engine apps are at that address; `Unreachable` if one is meant and none is."""
    return job_delivery.outgoing(begun.job, begun.execution, app_engine)


def large_outgoing(app_engine: str | None, tx: Tx, begun: Begun) -> Outgoing | None:
    """As `outgoing`, for an attempt whose body is unread; None if its job is gone."""
    # All of it as it is now, since a body of now and headers of before need not go together.
    stored = tx.jobs.numbered(begun.sent.number)
    return None if stored is None else job_delivery.outgoing(stored.job, begun.execution, app_engine)


def wanted(tx: Tx, begun: Begun) -> bool:
    """Whether an attempt that began before is still to be made: its job is there, and runs unless RunJob asked."""
    stored = tx.jobs.numbered(begun.sent.number)
    return stored is not None and (begun.execution.forced or stored.job.state is JobState.ENABLED)


def acknowledge(tx: Tx, ended: list[Ended[Begun]], policy: Policy) -> None:
    """Keep how these attempts ended."""
    done = [one for one in ended if one.reply.ok and one.leased.job.interval is None]
    if done:
        # One that was gone had its job deleted meanwhile.
        over = tx.executions.end([one.leased.number for one in done])
        tx.executions.keep_success([one.leased.sent.number for one in done])
        for one in done:
            if one.leased.number in over:
                tx.happened([jobs.succeeded(one.leased.name, one.leased.execution, one.reply, one.at)])
    for one in ended:
        if not one.reply.ok or one.leased.job.interval is not None:
            under_way = tx.executions.under_way(one.leased.number)
            if under_way is not None:
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
        _keep(tx, one, CUT_OFF, now, policy)
    return found[-1].number if len(found) == limit else None


def recheck(tx: Tx, after: int, now: datetime, limit: int) -> int | None:
    """Put right next times of up to `limit` jobs: the clock may have been set back, or the zone database be another.

    The number to go on behind, or None at the end.
    """
    found = tx.executions.unsure_jobs(after, now, limit)
    for one in found:
        decided = jobs.rechecked(one.job, now)
        if decided is not None:
            tx.executions.set_times([(one.number, decided.next_at, None)])
            tx.happened(decided.events)
    return found[-1].number if len(found) == limit else None


def skip_missed(tx: Tx, now: datetime, limit: int) -> bool:
    """Skip up to `limit` scheduled times that have come while nobody ran them (CS-L11); whether there may be more."""
    found = tx.executions.due_jobs(now, limit)
    for one in found:
        decided = jobs.missed(one.sent.job, now)
        # A retry that was waited for would be late: it ends at the next scheduled time (CS-149).
        tx.jobs.end_retries(one.sent.number)
        tx.executions.set_times([(one.sent.number, decided.next_at, None)])
        tx.happened(decided.events)
    return len(found) == limit


def _keep(tx: Tx, under_way: UnderWay, reply: Reply, at: datetime, policy: Policy) -> None:
    stored = under_way.stored
    growth = policy.measured_growth
    decided = jobs.answered(stored.job, under_way.execution, reply, at, measured_growth=growth)
    tx.executions.keep_answer(StoredJob(stored.number, decided.job))
    if decided.retry_at is None:
        tx.executions.end([under_way.number])
    elif decided.counts:
        tx.executions.wait(under_way.number, decided.retry_at)
    else:
        tx.executions.give_back(under_way.number, decided.retry_at)
    tx.changes.jobs = True
    tx.happened(decided.events)
