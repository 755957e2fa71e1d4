"""The commands and their options; what each does is in a module of its own."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from gcptasks import __version__
from gcptasks.base.errors import PortInUse, SetupError, TaskError
from gcptasks.base.names import parse_location
from gcptasks.cli.output import HELP, LogLevel, fail
from gcptasks.cli.resources import admin, jobs, tasks
from gcptasks.cli.resources import queues as queue_commands
from gcptasks.client.admin_calls import CallFailed
from gcptasks.engine.model import Queue
from gcptasks.engine.quotas import Quotas
from gcptasks.server.settings import BackoffChoice, PortSettings, QuotasChoice
from gcptasks.store.connection import Synchronous


def _choice(choices: Any, help: str) -> Any:
    """An option that takes one of these words; typer knows Literal from 0.19 on only."""
    words = get_args(choices)

    def read(text: str) -> str:
        if text not in words:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, words))}")
        return text

    return typer.Option(parser=read, metavar="|".join(words), autocompletion=lambda: words, help=help)


_DEFAULTS = PortSettings()
_APP = Annotated[str, typer.Argument(metavar="APP", help="A file such as main.py, or module:app.")]
_FACTORY = Annotated[
    bool, typer.Option("--factory", help="APP is a function that makes the application, such as main:create_app.")
]
_HOST = Annotated[
    str, typer.Option(metavar="HOST", help="Address to listen at. 0.0.0.0 means every address of this machine.")
]
_DB = Annotated[str, typer.Option(metavar=":memory:|PATH", help="Where tasks are kept. A file survives restarts.")]
_QUEUES = Annotated[
    list[str] | None,
    typer.Option(
        metavar="projects/P/locations/L/queues/Q",
        help="A queue that exists from the start. Give the option several times for several queues.",
    ),
]
_QUEUE_YAML = Annotated[
    Path | None,
    typer.Option(
        "--queues",
        metavar="FILE",
        help="A queue.yaml, as 'gcloud app deploy' takes it: its queues are created, or set to what it says. Others "
        "stay as they are.",
    ),
]
_PROJECT = Annotated[
    str | None,
    typer.Option(
        metavar="P",
        envvar="GOOGLE_CLOUD_PROJECT",
        help="The project of the queues of --queues.",
    ),
]
_LOCATION = Annotated[
    str, typer.Option(metavar="L|projects/P/locations/L", help="The location of the queues of --queues.")
]
_DEFAULT_LOCATION = "us-central1"
_CREATE_QUEUES = Annotated[
    bool,
    typer.Option(
        "--create-queues",
        help="Create the queue when a task names one that does not exist. Otherwise the task is not accepted.",
    ),
]
_SYNCHRONOUS = Annotated[
    Synchronous,
    _choice(
        Synchronous,
        "With 'full', a task that was accepted survives a crash and a power cut. 'normal' is faster: it survives a "
        "crash; a power cut may lose the last ones.",
    ),
]
_QUOTAS = Annotated[
    QuotasChoice,
    _choice(QuotasChoice, "'google' keeps Google's upper limits of rate and concurrency. 'none' lifts them."),
]
_ISSUER = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Who the OIDC tokens of tasks say signed them. The default is http:// and the address of this service, "
        "which serves its keys there.",
    ),
]


def _accepted(setting: str) -> Callable[[str | None], str | None]:
    """A check that names the option and its environment variable, whichever it was that gave the value."""

    def check(value: str | None) -> str | None:
        try:
            PortSettings(**{setting: value})  # type: ignore[arg-type]  # of one setting, by its name
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        return value

    return check


_APP_ENGINE_HOST = "APP_ENGINE_EMULATOR_HOST"  # as public emulators call it (CT-L13)
_APP_ENGINE = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar=_APP_ENGINE_HOST,
        callback=_accepted("app_engine"),
        help="Where tasks and jobs for App Engine go, such as http://localhost:8080. Without it they are not accepted.",
    ),
]
_APP_ENGINE_OF_DEV = Annotated[
    str | None,
    typer.Option(
        "--app-engine",
        metavar="URL",
        envvar=_APP_ENGINE_HOST,
        callback=_accepted("app_engine"),
        help="Where tasks and jobs for App Engine go. The default is the application.",
    ),
]
_PUBSUB = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        envvar="PUBSUB_EMULATOR_HOST",
        callback=_accepted("pubsub"),
        help="An emulator of Pub/Sub, to which jobs publish. Without it their messages are kept in memory, and "
        "GET /published shows them.",
    ),
]
_REUSE_NAMES = Annotated[
    bool,
    typer.Option("--reuse-names", help="Let names of deleted queues and tasks be used again at once."),
]
_RUN_PAUSED_JOBS = Annotated[
    bool, typer.Option("--run-paused-jobs", help="Let RunJob run a job that is paused, which Google refuses.")
]
_JOB_BACKOFF = Annotated[
    BackoffChoice,
    _choice(
        BackoffChoice,
        "How the waits between a job's attempts grow after they were doubled: as Google documents it, or by 2 seconds "
        "each, as it was measured.",
    ),
]
_ALLOWED_HOSTS = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A name by which clients reach this service over HTTP. Addresses, names without a dot and names such as "
        "localhost and tasks.local are accepted anyway; others may be those of web pages. Give the option several "
        "times for several names.",
    ),
]
_ADMIN_TOKEN = Annotated[
    str | None,
    typer.Option(
        metavar="TOKEN",
        envvar="CLOUD_TASKS_ADMIN_TOKEN",
        callback=_accepted("admin_token"),
        help="What the paths below /admin ask for: those that reset the service and move its clock always, the others "
        "beyond localhost. The default is a new one at each start, which is shown then.",
    ),
]


def _manual_clock(text: str) -> datetime:
    try:
        at = datetime.now(UTC) if text == "now" else datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is neither 'now' nor a time such as 2030-01-01T00:00:00Z")
    return at


_MANUAL_CLOCK = Annotated[
    Any,
    typer.Option(
        parser=_manual_clock,
        metavar="now|TIME",
        help="Let the service's time stand still at that moment, such as 2030-01-01T00:00:00Z, until it is moved: "
        "fastapi-gcp-tasks admin clock --advance 1h. For tests.",
    ),
]
_LOG_LEVEL = Annotated[
    LogLevel, typer.Option(help="How much the service logs: 'info' logs the end of each task, 'debug' every step.")
]


def _port(text: str) -> Any:
    return typer.Option(metavar="PORT", min=0, max=65535, help=f"{text} 0 means any free port.")


def _imported(file: Path | None, project: str | None, location: str, quotas: QuotasChoice) -> tuple[Queue, ...]:
    """The queues of that queue.yaml, if there is one."""
    if file is None:
        return ()
    from gcptasks.server.queue_yaml import read_queue_yaml

    if "/" not in location:
        if not project:
            raise SetupError("--queues needs a project: give --project P, or set GOOGLE_CLOUD_PROJECT")
        location = f"projects/{project}/locations/{location}"
    return read_queue_yaml(file, parse_location(location), Quotas(quotas))


@contextmanager
def _naming_port_option(option: Callable[[int], str]) -> Generator[None]:
    """Let an error about a port that is in use name the option that sets it."""
    try:
        yield
    except PortInUse as error:
        raise SetupError(f"{error} with {option(error.port)} (0 takes a free one)") from error


def run(program: str) -> int:
    """Run a program with the arguments of this process; its exit code."""
    app = _alone if program == "cloud-tasks-emulator" else _app
    try:
        return app(prog_name=program, standalone_mode=False) or 0
    except (TaskError, ValueError) as error:
        fail(str(error))
    except CallFailed as error:
        fail(str(error), code=1)
    except typer.Abort:
        return 130
    except OSError as error:  # such as a full disk, to which the output goes
        fail(str(error), code=1)
    except Exception as error:
        # An option that is wrong. Newer typers bring their own click, so the class has no one name.
        explained = getattr(error, "format_message", None)
        if explained is None:
            raise
        context = getattr(error, "ctx", None)
        command = context.command_path if context else program
        fail(f"{explained().rstrip('.')}; see {command} --help")


def emulator(
    host: _HOST = _DEFAULTS.host,
    port: Annotated[int, _port("Port for both gRPC and HTTP.")] = _DEFAULTS.port,
    db: _DB = _DEFAULTS.database,
    queue: _QUEUES = None,
    queues: _QUEUE_YAML = None,
    project: _PROJECT = None,
    location: _LOCATION = _DEFAULT_LOCATION,
    create_queues: _CREATE_QUEUES = _DEFAULTS.create_queues,
    synchronous: _SYNCHRONOUS = _DEFAULTS.synchronous,
    quotas: _QUOTAS = _DEFAULTS.quotas,
    reuse_names: _REUSE_NAMES = _DEFAULTS.reuse_names,
    issuer: _ISSUER = _DEFAULTS.issuer,
    app_engine: _APP_ENGINE = _DEFAULTS.app_engine,
    pubsub: _PUBSUB = _DEFAULTS.pubsub,
    run_paused_jobs: _RUN_PAUSED_JOBS = _DEFAULTS.run_paused_jobs,
    job_backoff: _JOB_BACKOFF = _DEFAULTS.job_backoff,
    allowed_host: _ALLOWED_HOSTS = None,
    admin_token: _ADMIN_TOKEN = _DEFAULTS.admin_token,
    manual_clock: _MANUAL_CLOCK = _DEFAULTS.manual_clock,
    log_level: _LOG_LEVEL = LogLevel.INFO,
) -> None:
    """Run Cloud Tasks and Cloud Scheduler locally, for any client in any language.

    Set CLOUD_TASKS_EMULATOR_HOST=localhost:8123 and CLOUD_SCHEDULER_EMULATOR_HOST=localhost:8123 for your application,
    or connect a client by an insecure gRPC channel to that address. GET /health tells whether the service is up. Ctrl-C
    stops it: tasks under way may finish, and tasks that wait are kept if --db names a file.
    """
    from gcptasks.cli import emulator as command

    settings = PortSettings(
        host=host,
        port=port,
        database=db,
        queues=tuple(queue or ()),
        imported_queues=_imported(queues, project, location, quotas),
        create_queues=create_queues,
        synchronous=synchronous,
        quotas=quotas,
        reuse_names=reuse_names,
        issuer=issuer,
        app_engine=app_engine,
        pubsub=pubsub,
        run_paused_jobs=run_paused_jobs,
        job_backoff=job_backoff,
        allowed_hosts=tuple(allowed_host or ()),
        admin_token=admin_token,
        manual_clock=manual_clock,
    )
    with _naming_port_option(lambda _: "--port"):
        command.run(settings, log_level)


def dev(
    app: _APP,
    host: _HOST = "localhost",
    port: Annotated[int, _port("Port of the application.")] = 8000,
    service_port: Annotated[int, _port("Port of the local service, which listens at localhost.")] = _DEFAULTS.port,
    factory: _FACTORY = False,
    reload: Annotated[bool, typer.Option(help="Restart the application when its code changes.")] = True,
    db: _DB = ".fastapi-gcp-tasks/tasks.db",
    queues: _QUEUE_YAML = None,
    project: _PROJECT = None,
    location: _LOCATION = _DEFAULT_LOCATION,
    synchronous: _SYNCHRONOUS = _DEFAULTS.synchronous,
    app_engine: _APP_ENGINE_OF_DEV = _DEFAULTS.app_engine,
    pubsub: _PUBSUB = _DEFAULTS.pubsub,
    allowed_host: _ALLOWED_HOSTS = None,
    admin_token: _ADMIN_TOKEN = _DEFAULTS.admin_token,
    manual_clock: _MANUAL_CLOCK = _DEFAULTS.manual_clock,
    log_level: _LOG_LEVEL = LogLevel.INFO,
) -> int:
    """Run your application with reload, and the local service beside it.

    The application needs no change: it finds the service's address in CLOUD_TASKS_EMULATOR_HOST and
    CLOUD_SCHEDULER_EMULATOR_HOST. The service goes on while the application reloads. It creates a queue when a task
    first names it. Ctrl-C stops both.
    """
    from gcptasks.cli import dev as command
    from gcptasks.cli.application import application

    settings = PortSettings(
        port=service_port,
        database=db,
        synchronous=synchronous,
        create_queues=True,
        imported_queues=_imported(queues, project, location, _DEFAULTS.quotas),
        app_engine=app_engine,
        pubsub=pubsub,
        allowed_hosts=tuple(allowed_host or ()),
        admin_token=admin_token,
        manual_clock=manual_clock,
    )
    with _naming_port_option(lambda taken: "--port" if taken == port else "--service-port"):
        return command.run(application(app, factory=factory), host, port, settings, log_level, reload=reload)


def check(
    app: _APP,
    app_url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Where this application is served. Tasks for this URL, or one below it, must be answered by their "
            "endpoint. Give the option several times for several URLs. The default is that of the application's "
            "LocalService.",
        ),
    ] = None,
    factory: _FACTORY = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write what was found as JSON.")] = False,
) -> int:
    """Check that the tasks of your application can run as it serves them.

    It imports the application and starts nothing. A task has a fault if a dependency of the application or of an outer
    router declares what no task can carry, if another route always answers first, or if its URL does not lead to its
    endpoint. The exit code is 0 if all tasks can run, 1 if one cannot, 2 if the application cannot be imported.
    """
    from gcptasks.cli import check as command
    from gcptasks.cli.application import application

    return command.run(application(app, factory=factory), app_url or (), as_json=as_json)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


def _program(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Background tasks for FastAPI on Google Cloud Tasks, and a local service in its place."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


_app = typer.Typer(**HELP)
_app.callback(invoke_without_command=True)(_program)
_app.command()(dev)
_app.command()(check)
_app.command()(emulator)
_app.add_typer(queue_commands.app, name="queues")
_app.add_typer(tasks.app, name="tasks")
_app.add_typer(jobs.app, name="jobs")
_app.add_typer(admin.app, name="admin")
_alone = typer.Typer(**HELP, add_completion=False)
_alone.command()(emulator)
