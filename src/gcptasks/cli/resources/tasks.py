"""The commands `tasks`."""

from typing import Annotated, Any

import typer

from gcptasks.base.errors import SetupError
from gcptasks.base.names import parse_task
from gcptasks.cli.output import note, say
from gcptasks.cli.resources.asking import ask
from gcptasks.cli.resources.completion import queue_names
from gcptasks.cli.resources.connection import Connection
from gcptasks.cli.resources.description import json_form, say_resource, write_json
from gcptasks.cli.resources.group import group
from gcptasks.cli.resources.listing import Row, say_rows, status_name
from gcptasks.cli.resources.options import EMULATOR, JSON, LOCATION, PROJECT, YES
from gcptasks.cli.resources.scope import QUEUE, Scope
from gcptasks.client.api import TASKS

_ID_OR_NAME = "Its id, such as orders, or its full name, projects/P/locations/L/queues/orders."
_OF_QUEUE = Annotated[
    str, typer.Argument(metavar="QUEUE", help=_ID_OR_NAME, autocompletion=queue_names, show_default=False)
]
_QUEUE = Annotated[
    str | None,
    typer.Option(metavar="QUEUE", help="The queue of TASK, if TASK is an id.", autocompletion=queue_names),
]
_TASK = Annotated[
    str,
    typer.Argument(
        metavar="TASK",
        help="Its id, with --queue, or its full name, projects/P/locations/L/queues/Q/tasks/ID.",
        show_default=False,
    ),
]
_HEADINGS = ("TASK", "DUE", "ATTEMPTS", "LAST", "TARGET")

app = group("See, run and delete tasks, local or Google's.")


@app.command("list")
def list_tasks(
    queue: _OF_QUEUE,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, max=1_000_000_000, help="How many at most. 0 means all.")
    ] = 100,
    emulator: EMULATOR = None,
    project: PROJECT = None,
    location: LOCATION = None,
    as_json: JSON = False,
) -> None:
    """List the tasks that wait in a queue, without their bodies.

    \b
    For example:
      fastapi-gcp-tasks tasks list orders
      fastapi-gcp-tasks tasks list orders --limit 0 --json
    """
    here = Connection(TASKS, emulator)
    name = Scope(here, project, location).full_name(QUEUE, queue)
    # One more than is shown tells whether there are more.
    tasks = here.call_pages("list_tasks", name, limit + 1 if limit else None)
    shown = tasks[: limit or None]
    if as_json:
        write_json([json_form(task) for task in shown])
    else:
        say_rows(_HEADINGS, [_row(task) for task in shown], here)
    if not tasks:
        note(f"there is no task in {name} on {here}")
    if len(shown) < len(tasks):
        note(f"there are more than these {limit:,}: --limit {10 * limit} shows more, --limit 0 all")


@app.command("describe")
def describe_task(
    task: _TASK,
    queue: _QUEUE = None,
    full: Annotated[bool, typer.Option("--full", help="Show the whole body, however long it is.")] = False,
    emulator: EMULATOR = None,
    project: PROJECT = None,
    location: LOCATION = None,
    as_json: JSON = False,
) -> None:
    """Show a task with its headers, its body and its attempts.

    \b
    For example:
      fastapi-gcp-tasks tasks describe 1234 --queue orders
      fastapi-gcp-tasks tasks describe projects/P/locations/L/queues/orders/tasks/1234
    """
    here, name = _named(task, queue, emulator, project, location)
    found = here.call("get_task", name, response_view="FULL")
    say_resource(found, as_json=as_json, full=full)


@app.command("run")
def run_task(
    task: _TASK,
    queue: _QUEUE = None,
    emulator: EMULATOR = None,
    project: PROJECT = None,
    location: LOCATION = None,
) -> None:
    """Run a task now, before its time, also if its queue is paused.

    \b
    For example:
      fastapi-gcp-tasks tasks run 1234 --queue orders
    """
    here, name = _named(task, queue, emulator, project, location)
    here.call("run_task", name)
    say(f"started {name} on {here}")


@app.command("delete")
def delete_task(
    task: _TASK,
    queue: _QUEUE = None,
    emulator: EMULATOR = None,
    project: PROJECT = None,
    location: LOCATION = None,
    yes: YES = False,
) -> None:
    """Delete a task, after a question.

    \b
    For example:
      fastapi-gcp-tasks tasks delete 1234 --queue orders
      fastapi-gcp-tasks tasks delete 1234 --queue orders --yes    in a script
    """
    here, name = _named(task, queue, emulator, project, location)
    ask(lambda: f"Delete {name} on {here}?", yes=yes)
    here.call("delete_task", name)
    say(f"deleted {name} on {here}")


def _named(
    task: str, queue: str | None, emulator: str | None, project: str | None, location: str | None
) -> tuple[Connection, str]:
    here = Connection(TASKS, emulator)
    if "/" in task:
        return here, str(parse_task(task))
    if queue is None:
        raise SetupError(f"which queue is task {task!r} in? Give --queue QUEUE, or the full name of the task")
    return here, f"{Scope(here, project, location).full_name(QUEUE, queue)}/tasks/{task}"


def _row(task: Any) -> Row:
    return Row(task.name, (task.schedule_time, task.dispatch_count, _last(task), _target(task)))


def _last(task: Any) -> str | None:
    if "last_attempt" not in task:
        return None
    last = task.last_attempt
    if "response_time" not in last:
        return "under way"
    return status_name(last.response_status.code)


def _target(task: Any) -> str:
    if "http_request" in task:
        return f"{task.http_request.http_method.name} {task.http_request.url}"
    request = task.app_engine_http_request
    return f"{request.http_method.name} App Engine {request.relative_uri}"
