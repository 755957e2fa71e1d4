"""The commands and their options; what each does is in a module of its own."""

from pathlib import Path
from typing import Annotated

import aiohttp  # noqa: F401  # what the commands run with belongs to the extra `local`, so it is asked for at once
import h2  # noqa: F401
import httptools  # noqa: F401
import typer
import uvicorn  # noqa: F401

from gcptasks import __version__
from gcptasks.cli import dev as dev_command
from gcptasks.cli import emulator as emulator_command
from gcptasks.cli.output import LogLevel, failing_in_one_line
from gcptasks.engine.quotas import Quotas

_HOST = Annotated[str, typer.Option(help="Address to listen at. 0.0.0.0 is every address of this machine.")]
_QUOTAS = Annotated[
    Quotas, typer.Option(help="'google' keeps Google's upper limits of rate and concurrency, 'none' lifts them.")
]
_LOG_LEVEL = Annotated[LogLevel, typer.Option(help="What to log: 'debug' shows each step of each task.")]


def run(program: str, command: str | None) -> None:
    """Run the program, or the one command that it is."""
    if command is None:
        _app(prog_name=program)
    else:
        _alone(prog_name=program)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


def emulator(
    host: _HOST = "localhost",
    port: Annotated[int, typer.Option(help="Port for gRPC and HTTP alike. 0 takes any free one.")] = 8123,
    db: Annotated[
        str, typer.Option(metavar=":memory:|PATH", help="Where tasks are kept. A file survives restarts.")
    ] = ":memory:",
    queue: Annotated[
        list[str] | None,
        typer.Option(metavar="projects/P/locations/L/queues/Q", help="A queue to create at start. May be repeated."),
    ] = None,
    create_queues: Annotated[
        bool, typer.Option("--create-queues", help="Create a queue that a task names first, instead of refusing it.")
    ] = False,
    quotas: _QUOTAS = Quotas.GOOGLE,
    log_level: _LOG_LEVEL = LogLevel.INFO,
) -> None:
    """Run a local Cloud Tasks for any client in any language.

    Point a client at it with CLOUD_TASKS_EMULATOR_HOST=localhost:8123, or by an insecure gRPC channel to that address.
    Ctrl-C stops it: what is under way is finished, what waits is kept if --db names a file.
    """
    with failing_in_one_line():
        emulator_command.run(
            host=host,
            port=port,
            database=db,
            queues=tuple(queue or ()),
            create_queues=create_queues,
            quotas=quotas,
            log_level=log_level,
        )


def dev(
    app: Annotated[str, typer.Argument(help="A file such as main.py, or module:app.", metavar="APP")],
    host: _HOST = "localhost",
    port: Annotated[int, typer.Option(help="Port of the application.")] = 8000,
    service_port: Annotated[int, typer.Option(help="Port of the local service.")] = 8123,
    reload: Annotated[bool, typer.Option(help="Restart the application when its code changes.")] = True,
    db: Annotated[Path, typer.Option(help="Where tasks are kept.")] = Path(".fastapi-gcp-tasks/tasks.db"),
    log_level: _LOG_LEVEL = LogLevel.INFO,
) -> None:
    """Run an application with reload, and the local service beside it.

    The application needs no line for this: the service's address reaches it in CLOUD_TASKS_EMULATOR_HOST and
    CLOUD_SCHEDULER_EMULATOR_HOST. The service lives on while the application reloads, and queues are created when a
    task first names them. Ctrl-C stops both.
    """
    with failing_in_one_line():
        dev_command.run(
            app, host=host, port=port, service_port=service_port, reload=reload, database=db, log_level=log_level
        )


def _program(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    """Background tasks for FastAPI on Google Cloud Tasks, and a local service in its place."""


_SETTINGS = {"help_option_names": ["-h", "--help"]}
_app = typer.Typer(no_args_is_help=True, context_settings=_SETTINGS, pretty_exceptions_enable=False)
_app.callback()(_program)
_app.command()(dev)
_app.command()(emulator)
_alone = typer.Typer(context_settings=_SETTINGS, pretty_exceptions_enable=False)
_alone.command()(emulator)
