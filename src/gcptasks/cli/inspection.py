"""What is in an application: which of its routes and functions are tasks, and what is wrong with them."""

from types import ModuleType
from typing import Any

from starlette.applications import Starlette

from fastapi_gcp_tasks.job_options import JobOptions
from fastapi_gcp_tasks.task_checks import CheckedTask, LeadsHere, examine
from gcptasks.cli.found import Found, TaskRow
from gcptasks.cli.functions import functions_in
from gcptasks.server.local_service import LocalService


def inspect(module: ModuleType, app: Starlette, leads_here: LeadsHere | None) -> Found:
    """What is in that application of that module; `leads_here` tells which URLs are the application's."""
    checked = examine(app, leads_here)
    embedded = any(_is_embedded(task.options.client) for task in checked)
    functions = functions_in(app, leads_here)
    return Found(tuple(map(_row, checked)), embedded or bool(services_in(module)), functions.rows, functions.idle)


def services_in(module: ModuleType) -> list[LocalService]:
    """The local services of a module."""
    return [value for value in vars(module).values() if isinstance(value, LocalService)]


def _row(task: CheckedTask) -> TaskRow:
    route = task.registration.route
    methods = ",".join(sorted(route.methods or ())) or "-"
    # What tells the base URL may not know it yet.
    url = f"{task.base_url or '?'}{route.path}"
    parent, scheduled = task.options.parent, isinstance(task.options, JobOptions)
    queue, location = ("", parent) if scheduled else (parent, "")
    return TaskRow(route.name, methods, url, queue, location, task.is_here, task.faults)


def _is_embedded(client: Any) -> bool:
    transport = getattr(client, "transport", None)
    owner = getattr(client, "__self__", None)
    return any(type(part).__module__.startswith("gcptasks.") for part in (transport, owner))
