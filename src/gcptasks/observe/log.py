"""Events as lines of the log `gcptasks`."""

import logging
from datetime import datetime

from gcptasks.base.events import (
    MOST_COUNTED,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    Event,
    ExecutionMissed,
    ExecutionSkipped,
    JobAttemptFailed,
    JobAttemptStarted,
    JobAttemptSucceeded,
    JobChanged,
    JobForced,
    JobRescheduled,
    QueueChanged,
    ScheduleEnded,
    ServiceReset,
    TaskCreated,
    TaskDeleted,
    TaskExpired,
    TaskForced,
)
from gcptasks.base.log_text import log_text
from gcptasks.base.names import JobName, TaskName

_log = logging.getLogger("gcptasks")

_LEVELS: dict[type[Event], int] = {
    QueueChanged: logging.INFO,
    TaskCreated: logging.DEBUG,
    TaskForced: logging.INFO,
    TaskDeleted: logging.INFO,
    TaskExpired: logging.WARNING,
    AttemptStarted: logging.DEBUG,
    AttemptSucceeded: logging.INFO,
    AttemptFailed: logging.WARNING,
    ServiceReset: logging.INFO,
    JobChanged: logging.INFO,
    JobForced: logging.INFO,
    ExecutionSkipped: logging.WARNING,
    ExecutionMissed: logging.WARNING,
    JobRescheduled: logging.WARNING,
    ScheduleEnded: logging.ERROR,
    JobAttemptStarted: logging.DEBUG,
    JobAttemptSucceeded: logging.INFO,
    JobAttemptFailed: logging.WARNING,
}


def log(event: Event) -> None:
    """Write the event to the log: a task's end as info, a failed attempt as a warning, the last one as an error."""
    level = _LEVELS[type(event)]
    if isinstance(event, AttemptFailed | JobAttemptFailed) and event.next_at is None:
        level = logging.ERROR
    if _log.isEnabledFor(level):
        _log.log(level, "%s", line(event))


def line(event: Event) -> str:
    """What happened, for people."""
    return _job_line(event) or _task_line(event)


def _task_line(event: Event) -> str:
    match event:
        case QueueChanged(queue, change, _, tasks):
            count = f"{tasks} or more" if tasks >= MOST_COUNTED else str(tasks)
            return f"queue {queue.queue} {change}" + f", tasks dropped: {count}" * bool(tasks)
        case TaskCreated(task, scheduled_at):
            return f"{_shown(task)} created, due {scheduled_at.isoformat()}"
        case TaskForced(task):
            return f"{_shown(task)} is run on request"
        case TaskDeleted(task):
            return f"{_shown(task)} deleted"
        case TaskExpired(task):
            return f"{_shown(task)} dropped: it is older than 31 days"
        case AttemptStarted(task, attempt):
            return f"{_shown(task)} attempt {attempt} started"
        case AttemptSucceeded(task, attempt, status):
            return f"{_shown(task)} attempt {attempt} done with {status}"
        case AttemptFailed(task, attempt, _, reason, next_at):
            then = "given up" if next_at is None else f"next attempt {next_at.isoformat()}"
            return f"{_shown(task)} attempt {attempt} failed: {log_text(reason)}; {then}"
        case ServiceReset():
            return "everything was dropped: queues, tasks, jobs and what was kept of them"
        case _:
            return ""


def _job_line(event: Event) -> str:
    match event:
        case JobChanged(job, change, next_at):
            return f"job {job.job} {change}" + _next(next_at)
        case JobForced(job):
            return f"job {job.job} is run on request"
        case ExecutionSkipped(job, at):
            return f"job {job.job} is not run for {at.isoformat()}: its run before is not over"
        case ExecutionMissed(job, at, next_at):
            why = "nobody ran jobs then, and it is not made up"
            return f"job {job.job} was not run at {at.isoformat()}: {why}{_next(next_at)}"
        case JobRescheduled(job, next_at):
            return f"job {job.job} has another time, as its time zone has changed{_next(next_at)}"
        case ScheduleEnded(job):
            return (
                f"job {job.job} is run no more: its schedule has no next time, or its time zone is not known any more"
            )
        case JobAttemptStarted(job, at, attempt):
            return f"{_run(job, at)} attempt {attempt} started"
        case JobAttemptSucceeded(job, at, attempt, status):
            return f"{_run(job, at)} attempt {attempt} done with {status}"
        case JobAttemptFailed(job, at, attempt, _, reason, next_at):
            then = "given up" if next_at is None else f"next attempt {next_at.isoformat()}"
            return f"{_run(job, at)} attempt {attempt} failed: {log_text(reason)}; {then}"
        case _:
            return ""


def _next(at: datetime | None) -> str:
    return f", next run {at.isoformat()}" if at else ""


def _run(job: JobName, at: datetime) -> str:
    return f"job {job.job} for {at.isoformat()}"


def _shown(task: TaskName) -> str:
    return f"task {task.queue.queue}/{task.task}"
