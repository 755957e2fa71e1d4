"""What a shell completes: names that the service knows, if it tells them at once."""

import os
from typing import Any

import typer

from gcptasks.cli.resources.connection import Connection
from gcptasks.cli.resources.scope import JOB, QUEUE, Kind, Scope
from gcptasks.client.api import SCHEDULER, TASKS, Api

_TIMEOUT = 1.0


def queue_names(context: typer.Context, incomplete: str) -> list[str]:
    """The queues that may be meant: their ids, or their full names if one is begun."""
    return _names(TASKS, QUEUE, context, incomplete)


def job_names(context: typer.Context, incomplete: str) -> list[str]:
    """The same of jobs."""
    return _names(SCHEDULER, JOB, context, incomplete)


def _names(api: Api[Any, Any], kind: Kind, context: typer.Context, incomplete: str) -> list[str]:
    os.environ.setdefault("GCE_METADATA_TIMEOUT", "1")
    given = context.params
    try:
        scope = Scope(Connection(api, given.get("emulator"), _TIMEOUT), given.get("project"), given.get("location"))
        found = [item.name for item in scope.all(kind)]
    except Exception:
        # Whatever it is: an error in the middle of a line that somebody types helps nobody.
        return []
    names = found if "/" in incomplete else sorted({name.rpartition("/")[2] for name in found})
    return [name for name in names if name.startswith(incomplete)]
