"""The rules of tasks: made, sent, answered, and gone.

What becomes of a task, by its state and by what happens to it:

| state     | due, and its queue lets it | RunTask | 2xx | failed | failed, the last | deleted, purged | 31 days old |
| --------- | -------------------------- | ------- | --- | ------ | ---------------- | --------------- | ----------- |
| waiting   | under way | under way | | | | gone | gone |
| under way | stays | under way twice | gone | waiting | gone | gone | gone |
| gone      | | NotFound | nothing | nothing | nothing | NotFound | |

A task is made `waiting`. It is `waiting` until a lease counts its attempt (`dispatched`) and `under way` until that
is `answered`; both look the same in the database but for the counts, so after a crash it is due again. A task that is
`gone` leaves nothing but its name, which cannot be used again for a while. Under way twice, each attempt answers for
itself: the first 2xx ends the task, and what fails later finds nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.events import AttemptFailed, AttemptSucceeded, TaskCreated
from gcptasks.base.names import TaskName
from gcptasks.engine import app_engine, requests, retry, task_size
from gcptasks.engine.decision import Decision
from gcptasks.engine.delivery import status_text
from gcptasks.engine.model import AppEngineRequest, Attempt, HttpTarget, NewTask, Reply, Request, RetryConfig, Task
from gcptasks.engine.task_limits import MAX_DEADLINE, MIN_DEADLINE, MOST_AHEAD

NAME_BLOCK = timedelta(hours=24)
"""How long the name of a task that is gone cannot be used again (CT-130)."""

RETENTION = timedelta(days=31)
"""How old a task can get (CT-145)."""

_DEADLINE = timedelta(minutes=10)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)
_RETRY_AFTER_STATUSES = frozenset([429, 503])
_OF_APP_ENGINE = frozenset([503])  # CT-195


def create(new: NewTask, name: TaskName, now: datetime, target: HttpTarget | None = None) -> Decision:
    """The task as it is kept, what was left out filled in; `InvalidArgument` if something is wrong.

    `target` is the queue's, whose token takes the place of the task's own.
    """
    scheduled_at = _scheduled_at(new, now)
    task = Task(
        name=name,
        request=requests.stored(new.request, None if target is None else target.token),
        created_at=now - now.microsecond * _MICROSECOND,  # Google keeps whole seconds (CT-115)
        scheduled_at=scheduled_at,
        dispatch_deadline=_dispatch_deadline(new),
        retry_config=retry.stored(new.retry_config) if new.retry_config else None,
    )
    if task_size.too_large(task):
        raise InvalidArgument("Task size too large")
    return Decision(task, (TaskCreated(name, scheduled_at, now),))


def dispatched(task: Task, now: datetime) -> Task:
    """The task with an attempt under way."""
    return replace(
        task,
        dispatch_count=task.dispatch_count + 1,
        first_dispatched_at=task.first_dispatched_at or now,
        last_attempt=Attempt(scheduled_at=task.scheduled_at, dispatched_at=now),
    )


def forced(task: Task) -> Task:
    """The task as RunTask shows it: the moment before its attempt starts (CT-148)."""
    return replace(task, dispatch_count=task.dispatch_count + 1, last_attempt=Attempt(scheduled_at=task.scheduled_at))


def answered(task: Task, attempt: Attempt, reply: Reply, queue_retry: RetryConfig, now: datetime) -> Decision:
    """What becomes of a task once `attempt` has ended: gone if that went well or was the last, else waiting again.

    `task` is as stored now, which counts this attempt already.
    """
    number = task.dispatch_count
    if reply.ok:
        return Decision(None, (AttemptSucceeded(task.name, number, reply.status, now),))
    config = task.retry_config or queue_retry
    # Not for its age (CT-145): a task goes by that only if a second look at the clock agrees, which is for the sweeper.
    over = retry.gives_up(config, number, task.first_dispatched_at or now, now)
    next_at = None if over else now + _wait(task.request, config, number, reply, now)
    reason = reply.reason or status_text(reply.status)
    failed = AttemptFailed(task.name, number, reply.status, reason, next_at, now)
    if next_at is None:
        return Decision(None, (failed,))
    waiting = replace(
        task,
        scheduled_at=next_at,
        response_count=task.response_count + _counts(task.request, reply.status),
        last_attempt=replace(attempt, responded_at=now, status=reply.status),
    )
    return Decision(waiting, (failed,))


def _counts(request: Request, status: int) -> bool:
    """Whether `response_count` counts it: a response outside 5xx (CT-184), or any of an App Engine app (CT-192)."""
    if isinstance(request, AppEngineRequest):
        return app_engine.is_response(status)
    return status != 0 and status // 100 != 5


def _wait(request: Request, config: RetryConfig, number: int, reply: Reply, now: datetime) -> timedelta:
    """From the end of the attempt (CT-209) to the next one; never longer than a task lives."""
    microseconds = -(-retry.delay_ns(config, number) // 1000)
    wait = timedelta(microseconds=min(microseconds, RETENTION // _MICROSECOND))
    asking = _OF_APP_ENGINE if isinstance(request, AppEngineRequest) else _RETRY_AFTER_STATUSES
    if reply.retry_after is not None and reply.status in asking:
        # Google slows the whole queue down; here the worker's wish counts for this task alone (CT-L7).
        asked = reply.retry_after
        wait = max(wait, asked if isinstance(asked, timedelta) else asked - now)
    return min(wait, RETENTION)


def _scheduled_at(new: NewTask, now: datetime) -> datetime:
    sent = new.scheduled_at
    if sent is None or sent <= now:
        return now  # a past time means now (CT-111), and so does none (CT-116)
    if sent - now > MOST_AHEAD:
        raise InvalidArgument(
            f"The Task.scheduleTime, {_pacific(sent, new.scheduled_ns)}, is too far in the future. "
            "Schedule time must be no more than 720h in the future."
        )
    return sent


def _pacific(when: datetime, ns: int) -> str:
    """The time as Google prints it in refusals (CT-246)."""
    local = when.astimezone(ZoneInfo("America/Los_Angeles"))
    text = local.isoformat(timespec="seconds")
    fraction = f".{local.microsecond:06}{ns:03}".rstrip("0").rstrip(".")
    return f"{text[:19]}{fraction}{text[19:]}"


def _dispatch_deadline(new: NewTask) -> timedelta:
    sent = new.dispatch_deadline
    if isinstance(new.request, AppEngineRequest):
        if not sent:
            return timedelta(0)  # the app's own, and not shown (CT-118, CT-197)
        if not app_engine.MIN_DEADLINE <= sent <= app_engine.MAX_DEADLINE:
            raise InvalidArgument("Task.dispatchDeadline must be between [15s, 24h15s].")
    elif sent is None:
        return _DEADLINE
    elif not MIN_DEADLINE <= sent <= MAX_DEADLINE:
        raise InvalidArgument("Task.dispatchDeadline must be between [15s, 30m].")
    return sent - sent % _MILLISECOND  # Google cuts it to milliseconds (CT-292)
