"""The next times of a schedule, computed here: no service is asked for them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.log_text import log_text
from gcptasks.cli.output import note, on_terminal, say, write
from gcptasks.cli.resources.description import write_json
from gcptasks.cli.resources.times import shown_time
from gcptasks.engine.schedules.parse import parse_schedule
from gcptasks.engine.schedules.schedule import Schedule
from gcptasks.engine.schedules.zones import open_zone


def say_next_runs(text: str, time_zone: str, count: int, known: datetime | None = None, *, as_json: bool) -> None:
    """Say the next times of a schedule. Raises `InvalidArgument` if it is none.

    `known` is the next time of the job, if there is a job. It counts where a run is counted from the end of the last.
    """
    schedule = _parsed(text, time_zone)
    times = list(islice(_times(schedule, known), count))
    if as_json:
        write_json([at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in times])
    elif on_terminal():
        say((log_text(text), "bold"), f" in {time_zone or 'UTC'}")
        for at in times:
            say(f"{at.astimezone(open_zone(time_zone)):%a %Y-%m-%d %H:%M:%S %Z}", (f"  here {shown_time(at)}", "dim"))
    elif times:
        write("\n".join(f"{shown_time(at)}  {at.astimezone(open_zone(time_zone)).isoformat()}" for at in times))
    if len(times) < count:
        note("no more times: the schedule has none in the next 40 years")
    if schedule.interval is not None:
        note("each run is counted from the end of the one before: these are the times if runs take no time")


def _parsed(text: str, time_zone: str) -> Schedule:
    """The schedule. Google's words do not say which of the two is wrong, so an error does."""
    wrong = f"time zone {time_zone!r}"
    try:
        open_zone(time_zone)
        wrong = f"schedule {text!r}"
        return parse_schedule(text, time_zone)
    except InvalidArgument as error:
        raise InvalidArgument(f"{wrong}: {error}") from None


def _times(schedule: Schedule, known: datetime | None) -> Iterator[datetime]:
    if schedule.interval is not None and known is not None:
        yield known
        at = known
    else:
        at = datetime.now(UTC)
    while (later := schedule.next_after(at)) is not None:
        yield later
        at = later
