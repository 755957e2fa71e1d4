"""The commands `jobs`."""

from typing import Annotated, Any

import typer

from gcptasks.base.errors import SetupError
from gcptasks.cli.output import note, say
from gcptasks.cli.resources.asking import ask
from gcptasks.cli.resources.completion import job_names
from gcptasks.cli.resources.connection import Connection
from gcptasks.cli.resources.description import json_form, say_resource, write_json
from gcptasks.cli.resources.group import group
from gcptasks.cli.resources.listing import Row, say_rows, status_name
from gcptasks.cli.resources.next_runs import say_next_runs
from gcptasks.cli.resources.options import EMULATOR, JSON, LOCATION, PROJECT, YES
from gcptasks.cli.resources.scope import JOB, Scope
from gcptasks.client.api import SCHEDULER

_ID_OR_NAME = "Its id, such as nightly, or its full name, projects/P/locations/L/jobs/nightly."
_JOB = Annotated[str, typer.Argument(metavar="JOB", help=_ID_OR_NAME, autocompletion=job_names, show_default=False)]
_HEADINGS = ("JOB", "STATE", "SCHEDULE", "TIME ZONE", "NEXT RUN", "LAST RUN", "ENDED", "TARGET")

app = group("See, run, pause and delete cron jobs, local or Google's.")


@app.command("list")
def list_jobs(
    emulator: EMULATOR = None, project: PROJECT = None, location: LOCATION = None, as_json: JSON = False
) -> None:
    """List the jobs.

    \b
    For example:
      fastapi-gcp-tasks jobs list --emulator localhost:8123
      fastapi-gcp-tasks jobs list --project my-project --location us-central1 --json
    """
    scope = Scope(Connection(SCHEDULER, emulator), project, location)
    jobs = scope.all(JOB)
    if as_json:
        write_json([json_form(job) for job in jobs])
        return
    if not jobs:
        note(f"there is no job {scope}")
    say_rows(_HEADINGS, [_row(job) for job in jobs], scope.connection)


@app.command("describe")
def describe_job(
    job: _JOB,
    full: Annotated[bool, typer.Option("--full", help="Show the whole body, however long it is.")] = False,
    emulator: EMULATOR = None,
    project: PROJECT = None,
    location: LOCATION = None,
    as_json: JSON = False,
) -> None:
    """Show all of a job: its schedule, its target with headers and body, its next and its last run.

    \b
    For example:
      fastapi-gcp-tasks jobs describe nightly
    """
    here, name = _named(job, emulator, project, location)
    found = here.call(JOB.get, name)
    say_resource(found, as_json=as_json, full=full)


@app.command("run")
def run_job(job: _JOB, emulator: EMULATOR = None, project: PROJECT = None, location: LOCATION = None) -> None:
    """Run a job now, beside its schedule.

    \b
    For example:
      fastapi-gcp-tasks jobs run nightly
    """
    here, name = _named(job, emulator, project, location)
    here.call("run_job", name)
    say(f"started {name} on {here}")


@app.command("pause")
def pause_job(job: _JOB, emulator: EMULATOR = None, project: PROJECT = None, location: LOCATION = None) -> None:
    """Let a job run no more, until it is resumed.

    \b
    For example:
      fastapi-gcp-tasks jobs pause nightly
    """
    here, name = _named(job, emulator, project, location)
    here.call("pause_job", name)
    say(f"paused {name} on {here}")


@app.command("resume")
def resume_job(job: _JOB, emulator: EMULATOR = None, project: PROJECT = None, location: LOCATION = None) -> None:
    """Let a paused job go on. Runs that it missed are not made up.

    \b
    For example:
      fastapi-gcp-tasks jobs resume nightly
    """
    here, name = _named(job, emulator, project, location)
    here.call("resume_job", name)
    say(f"resumed {name} on {here}")


@app.command("delete")
def delete_job(
    job: _JOB, emulator: EMULATOR = None, project: PROJECT = None, location: LOCATION = None, yes: YES = False
) -> None:
    """Delete a job, after a question.

    \b
    For example:
      fastapi-gcp-tasks jobs delete nightly
      fastapi-gcp-tasks jobs delete nightly --yes    in a script
    """
    here, name = _named(job, emulator, project, location)
    ask(lambda: f"Delete {name} on {here}?", yes=yes)
    here.call("delete_job", name)
    say(f"deleted {name} on {here}")


@app.command("next")
def next_runs(
    count: Annotated[int, typer.Argument(metavar="N", min=1, max=10_000, help="How many.", show_default=False)],
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help=_ID_OR_NAME, autocompletion=job_names, show_default=False)
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A schedule in the place of a job's. No service is needed.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="The time zone of --schedule. The default is UTC.")
    ] = None,
    emulator: EMULATOR = None,
    project: PROJECT = None,
    location: LOCATION = None,
    as_json: JSON = False,
) -> None:
    """Show the next N times of a job or of a schedule, in its time zone and in yours.

    \b
    For example:
      fastapi-gcp-tasks jobs next 5 nightly
      fastapi-gcp-tasks jobs next 3 --schedule "*/5 9-17 * * mon-fri" --time-zone Europe/Berlin
      fastapi-gcp-tasks jobs next 3 --schedule "every monday 09:00"
    """
    if (job is None) == (schedule is None):
        raise SetupError("give either a JOB or --schedule")
    if job is None:
        say_next_runs(schedule or "", time_zone or "", count, as_json=as_json)
        return
    if time_zone is not None:
        raise SetupError("--time-zone goes with --schedule: a job has a time zone of its own")
    here, name = _named(job, emulator, project, location)
    found = here.call(JOB.get, name)
    say_next_runs(found.schedule, found.time_zone, count, found.schedule_time, as_json=as_json)
    if found.state.name != "ENABLED":
        note(f"the job is {found.state.name}: it does not run at these times unless it is resumed before")


def _named(job: str, emulator: str | None, project: str | None, location: str | None) -> tuple[Connection, str]:
    here = Connection(SCHEDULER, emulator)
    return here, Scope(here, project, location).full_name(JOB, job)


def _row(job: Any) -> Row:
    ended = status_name(job.status.code) if "status" in job and job.status.code >= 0 else None
    return Row(
        job.name,
        (
            job.state.name,
            job.schedule,
            job.time_zone,
            job.schedule_time,
            job.last_attempt_time,
            ended,
            _target(job),
        ),
    )


def _target(job: Any) -> str:
    if "http_target" in job:
        return f"{job.http_target.http_method.name} {job.http_target.uri}"
    if "pubsub_target" in job:
        return f"Pub/Sub {job.pubsub_target.topic_name}"
    request = job.app_engine_http_target
    return f"{request.http_method.name} App Engine {request.relative_uri}"
