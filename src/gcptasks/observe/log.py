"""Events as lines of the log `gcptasks`."""

import logging

from gcptasks.base.events import (
    MOST_COUNTED,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    Event,
    QueueChanged,
    TaskCreated,
    TaskDeleted,
    TaskExpired,
    TaskForced,
)
from gcptasks.base.log_text import log_text
from gcptasks.base.names import TaskName

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
}


def log(event: Event) -> None:
    """Write the event to the log: a task's end as info, a failed attempt as a warning, the last one as an error."""
    level = _LEVELS[type(event)]
    if isinstance(event, AttemptFailed) and event.next_at is None:
        level = logging.ERROR
    if _log.isEnabledFor(level):
        _log.log(level, "%s", line(event))


def line(event: Event) -> str:
    """What happened, for people."""
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


def _shown(task: TaskName) -> str:
    return f"task {task.queue.queue}/{task.task}"
