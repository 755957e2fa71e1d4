"""The commands `queues`."""

from typing import Annotated, Any

import typer

from gcptasks.cli.output import note, say
from gcptasks.cli.resources.asking import ask
from gcptasks.cli.resources.completion import queue_names
from gcptasks.cli.resources.connection import Connection, NotThere
from gcptasks.cli.resources.description import json_form, say_resource, write_json
from gcptasks.cli.resources.group import group
from gcptasks.cli.resources.listing import Row, say_rows
from gcptasks.cli.resources.options import EMULATOR, JSON, LOCATION, PROJECT, YES
from gcptasks.cli.resources.scope import QUEUE, Scope
from gcptasks.client.admin_calls import CallFailed
from gcptasks.client.api import TASKS

_QUEUE = Annotated[
    str,
    typer.Argument(
        metavar="QUEUE",
        help="Its id, such as orders, or its full name, projects/P/locations/L/queues/orders.",
        autocompletion=queue_names,
        show_default=False,
    ),
]
_HEADINGS = ("QUEUE", "STATE", "RATE", "CONCURRENT", "ATTEMPTS")
_COUNTED = 1000

app = group("See, pause, empty and delete queues, local or Google's.")


@app.command("list")
def list_queues(
    emulator: EMULATOR = None, project: PROJECT = None, location: LOCATION = None, as_json: JSON = False
) -> None:
    """List the queues.

    \b
    For example:
      fastapi-gcp-tasks queues list --emulator localhost:8123
      fastapi-gcp-tasks queues list --project my-project --location us-central1 --json
    """
    scope = Scope(Connection(TASKS, emulator), project, location)
    queues = scope.all(QUEUE)
    if as_json:
        write_json([json_form(queue) for queue in queues])
        return
    if not queues:
        note(f"there is no queue {scope}")
    say_rows(_HEADINGS, [_row(queue) for queue in queues], scope.connection)


@app.command("describe")
def describe_queue(
    queue: _QUEUE,
    emulator: EMULATOR = None,
    project: PROJECT = None,
    location: LOCATION = None,
    as_json: JSON = False,
) -> None:
    """Show all that a queue is set to.

    \b
    For example:
      fastapi-gcp-tasks queues describe orders
    """
    here, name = _named(queue, emulator, project, location)
    found = here.call(QUEUE.get, name)
    say_resource(found, as_json=as_json)


@app.command("pause")
def pause_queue(queue: _QUEUE, emulator: EMULATOR = None, project: PROJECT = None, location: LOCATION = None) -> None:
    """Let a queue start no more tasks. It still accepts new ones.

    \b
    For example:
      fastapi-gcp-tasks queues pause orders
    """
    here, name = _named(queue, emulator, project, location)
    here.call("pause_queue", name)
    say(f"paused {name} on {here}")


@app.command("resume")
def resume_queue(queue: _QUEUE, emulator: EMULATOR = None, project: PROJECT = None, location: LOCATION = None) -> None:
    """Let a paused queue go on.

    \b
    For example:
      fastapi-gcp-tasks queues resume orders
    """
    here, name = _named(queue, emulator, project, location)
    here.call("resume_queue", name)
    say(f"resumed {name} on {here}")


@app.command("purge")
def purge_queue(
    queue: _QUEUE,
    emulator: EMULATOR = None,
    project: PROJECT = None,
    location: LOCATION = None,
    yes: YES = False,
) -> None:
    """Delete all tasks of a queue, after a question. The queue stays.

    \b
    For example:
      fastapi-gcp-tasks queues purge orders
      fastapi-gcp-tasks queues purge orders --yes     in a script
    """
    here, name = _named(queue, emulator, project, location)
    ask(lambda: f"Purge {name} on {here}? This deletes all its tasks{_count(here, name)}", yes=yes)
    here.call("purge_queue", name)
    say(f"purged {name} on {here}")


@app.command("delete")
def delete_queue(
    queue: _QUEUE,
    emulator: EMULATOR = None,
    project: PROJECT = None,
    location: LOCATION = None,
    yes: YES = False,
) -> None:
    """Delete a queue and all its tasks, after a question.

    For some days, no queue can have its name again.

    \b
    For example:
      fastapi-gcp-tasks queues delete orders
      fastapi-gcp-tasks queues delete orders --yes    in a script
    """
    here, name = _named(queue, emulator, project, location)
    ask(lambda: f"Delete {name} on {here}? This deletes all its tasks{_count(here, name)}", yes=yes)
    here.call("delete_queue", name)
    say(f"deleted {name} on {here}")


def _named(queue: str, emulator: str | None, project: str | None, location: str | None) -> tuple[Connection, str]:
    here = Connection(TASKS, emulator)
    return here, Scope(here, project, location).full_name(QUEUE, queue)


def _row(queue: Any) -> Row:
    limits = queue.rate_limits
    attempts = queue.retry_config.max_attempts
    return Row(
        queue.name,
        (
            queue.state.name,
            f"{limits.max_dispatches_per_second:g}/s",
            limits.max_concurrent_dispatches,
            "unlimited" if attempts == -1 else attempts,
        ),
    )


def _count(here: Connection, name: str) -> str:
    try:
        tasks = here.call_pages("list_tasks", name, _COUNTED)
    except NotThere:
        raise
    except CallFailed:
        # Whoever may purge a queue need not be allowed to see its tasks.
        return ""
    return f", {len(tasks):,} now" if len(tasks) < _COUNTED else f", {_COUNTED:,} or more now"
