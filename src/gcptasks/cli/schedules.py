"""Which jobs are with the service once an application has started, and whether they are that application's."""

import re
from collections.abc import Sequence
from datetime import UTC

from gcptasks.base.errors import Unreachable
from gcptasks.base.log_text import log_text
from gcptasks.cli.found import Found, TaskRow
from gcptasks.cli.output import say, warn
from gcptasks.cli.resources.times import shown_time
from gcptasks.runtime.targets.address import is_loopback, parse_url
from gcptasks.wire.cloud_scheduler.messages import Job


def say_jobs(jobs: Sequence[Job], found: Found, port: int, service: str) -> None:
    """Say which jobs there are, and when each runs next; `port` is the application's, `service` the service's address.

    The database keeps jobs from one start to the next, so it warns of those that an older version has scheduled.
    """
    rows = [(_id(job), log_text(job.schedule), log_text(job.time_zone), _next_run(job)) for job in jobs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("job          ", "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    for job in jobs:
        if _comes_here(job.http_target.uri, port) and not any(_calls(job, task) for task in found.tasks):
            warn(
                f"job {_id(job)} calls {log_text(job.http_target.uri)}, where this application has no scheduled route: "
                f"if nobody wants it any more, fastapi-gcp-tasks jobs delete {_id(job)} --emulator {service}"
            )


def _id(job: Job) -> str:
    return job.name.rpartition("/")[2]


def _next_run(job: Job) -> str:
    if not job.HasField("schedule_time"):
        return "paused"
    return f"next run {shown_time(job.schedule_time.ToDatetime(UTC))}"


def _comes_here(url: str, port: int) -> bool:
    try:
        origin = parse_url(url).origin
    except Unreachable:
        return False
    return is_loopback(origin.host) and origin.port == port


def _calls(job: Job, task: TaskRow) -> bool:
    """Whether it may be a job of that route, as far as the URL tells."""
    if not task.location:
        return False
    parts = (re.escape(part) for part in re.split(r"\{[^}]*\}", task.url))
    return re.fullmatch(".*".join(parts), job.http_target.uri.partition("?")[0]) is not None
