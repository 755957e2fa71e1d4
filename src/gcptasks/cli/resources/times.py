"""Times as they are shown."""

from datetime import UTC, datetime

from gcptasks.cli.output import on_terminal


def shown_time(at: datetime) -> str:
    """The time as the clock on the wall has it on a terminal, in UTC and in one word in a pipe."""
    if on_terminal():
        return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
