"""The commands `admin`: what a local service does for tests and scripts, and Google does not."""

import re
from datetime import datetime
from typing import Annotated, Any

import typer

from gcptasks.base.errors import SetupError
from gcptasks.cli.output import note, say
from gcptasks.cli.resources.asking import ask
from gcptasks.cli.resources.completion import queue_names
from gcptasks.cli.resources.connection import Connection
from gcptasks.cli.resources.description import write_json
from gcptasks.cli.resources.group import group
from gcptasks.cli.resources.listing import Row, say_rows
from gcptasks.cli.resources.options import LOCATION, PROJECT, YES
from gcptasks.cli.resources.scope import QUEUE, Scope
from gcptasks.cli.resources.times import shown_time
from gcptasks.client.admin_calls import AdminCalls, done
from gcptasks.client.api import TASKS

_NOT_LOCAL = (
    "the commands admin are for a local service: name it with --emulator localhost:8123, or by the environment "
    "variable CLOUD_TASKS_EMULATOR_HOST"
)
_QUEUE = Annotated[
    str | None,
    typer.Argument(
        metavar="QUEUE",
        help="Its id, such as orders, or its full name. The default is all queues, and all jobs.",
        autocompletion=queue_names,
        show_default=False,
    ),
]
_EMULATOR = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="The local service to talk to. The default is the one that CLOUD_TASKS_EMULATOR_HOST names.",
    ),
]
_TOKEN = Annotated[
    str | None,
    typer.Option(
        metavar="TOKEN",
        envvar="CLOUD_TASKS_ADMIN_TOKEN",
        help="The admin token, which the service says when it starts, or was given by the same option. Reset and clock "
        "need it always, the others if the service listens beyond localhost.",
    ),
]
_JSON = Annotated[bool, typer.Option("--json", help="Write JSON, as the service answers it.")]
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}

app = group("Wait until a local service is done, empty it, move its clock.")


def _until(text: str) -> str:
    if text not in ("empty", "idle"):
        raise typer.BadParameter(f"{text!r} is neither 'empty' nor 'idle'")
    return text


@app.command("status")
def show_status(
    queue: _QUEUE = None,
    emulator: _EMULATOR = None,
    admin_token: _TOKEN = None,
    project: PROJECT = None,
    location: LOCATION = None,
    as_json: _JSON = False,
) -> None:
    """Show what is not done yet: tasks that wait, attempts under way, runs of jobs.

    \b
    For example:
      fastapi-gcp-tasks admin status
    """
    calls, name = _named(queue, emulator, admin_token, project, location)
    left = done(calls.get("status", {"queue": name}))
    if as_json:
        write_json(left)
        return
    if not left["queues"] and not left["jobs"]:
        note(f"nothing waits or is under way on {calls.address}")
    say_rows(("QUEUE", "STATE", "TASKS", "DUE", "UNDER WAY", "NEXT"), [*map(_queue_row, left["queues"])], calls.address)
    say_rows(("JOB", "RUNS", "DUE", "UNDER WAY", "NEXT"), [*map(_job_row, left["jobs"])], calls.address)


@app.command("wait")
def wait(
    queue: _QUEUE = None,
    until: Annotated[
        str,
        typer.Option(
            parser=_until,
            metavar="empty|idle",
            help="'empty': no task is left. 'idle': nothing is under way or due, but tasks may wait for their time, "
            "as retries do, or in a queue that is paused.",
        ),
    ] = "empty",
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0, max=600, help="How long to wait.")] = 30,
    emulator: _EMULATOR = None,
    admin_token: _TOKEN = None,
    project: PROJECT = None,
    location: LOCATION = None,
    as_json: _JSON = False,
) -> None:
    """Wait until a queue, or everything, is done.

    The exit code is 0 as soon as it is so, and 1 if it is not when the time is over; then it says what is left.

    \b
    For example:
      fastapi-gcp-tasks admin wait
      fastapi-gcp-tasks admin wait orders --timeout 60
    """
    calls, name = _named(queue, emulator, admin_token, project, location)
    answer = calls.get("wait", {"queue": name, "until": until, "timeout": timeout}, takes=timeout)
    if as_json and "reached" in answer.members:
        write_json(answer.members)
        raise typer.Exit(0 if answer.members["reached"] else 1)
    done(answer)
    say(f"{name or 'everything'} on {calls.address} is {until}")


@app.command("reset")
def reset(emulator: _EMULATOR = None, admin_token: _TOKEN = None, yes: YES = False) -> None:
    """Drop everything, after a question: queues, tasks, jobs, results, blocked names.

    Attempts under way are cancelled. The queues that the service was given when it started are there again.

    \b
    For example:
      fastapi-gcp-tasks admin reset --yes
    """
    calls = _calls(Connection(TASKS, emulator), admin_token)
    ask(lambda: f"Reset {calls.address}? This drops all its queues, tasks, jobs and results", yes=yes)
    done(calls.post("reset", {}))
    say(f"reset {calls.address}")


@app.command("clock")
def clock(
    advance: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Let so much time pass, such as 90s, 1h30m or 2d.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="TIME", help="Move it to that time, such as 2030-01-01T00:00:00Z.")
    ] = None,
    emulator: _EMULATOR = None,
    admin_token: _TOKEN = None,
    as_json: _JSON = False,
) -> None:
    """Show the clock of the service, or move it, if it was started with --manual-clock.

    What becomes due is delivered. 'admin wait --until idle' waits until that is done.

    \b
    For example:
      fastapi-gcp-tasks admin clock
      fastapi-gcp-tasks admin clock --advance 1h30m
    """
    if advance is not None and to is not None:
        raise typer.BadParameter("--advance and --to exclude each other")
    move = {"advance": f"{_seconds(advance)}s"} if advance is not None else {"time": to} if to is not None else None
    calls = _calls(Connection(TASKS, emulator), admin_token)
    found = done(calls.get("clock") if move is None else calls.post("clock", move))
    if as_json:
        write_json(found)
    else:
        say(shown_time(datetime.fromisoformat(found["time"])), "" if found["manual"] else ", by the machine's clock")


def _calls(connection: Connection, token: str | None) -> AdminCalls:
    if connection.local is None:
        raise SetupError(_NOT_LOCAL)
    return AdminCalls(connection.local, token)


def _named(
    queue: str | None, emulator: str | None, token: str | None, project: str | None, location: str | None
) -> tuple[AdminCalls, str | None]:
    here = Connection(TASKS, emulator)
    calls = _calls(here, token)
    return calls, None if queue is None else Scope(here, project, location).full_name(QUEUE, queue)


def _seconds(span: str) -> int:
    if not re.fullmatch(r"(\d{1,9}[dhms])+", span):
        raise typer.BadParameter(f"{span!r} is no span such as 90s, 1h30m or 2d")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", span))


def _queue_row(queue: dict[str, Any]) -> Row:
    cells = (queue.get("state"), queue.get("tasks", 0), queue.get("due", 0), queue["underWay"], _next(queue))
    return Row(queue["name"], cells)


def _job_row(job: dict[str, Any]) -> Row:
    return Row(job["name"], (job.get("executions", 0), job.get("due", 0), job["underWay"], _next(job)))


def _next(members: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(members["nextTime"]) if "nextTime" in members else None
