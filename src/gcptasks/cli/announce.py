"""What the commands say when they start and stop."""

import os
from collections.abc import Iterator

from gcptasks.base.errors import Unreachable
from gcptasks.cli.found import Found, TaskRow
from gcptasks.cli.output import say, warn
from gcptasks.runtime.targets.address import Origin, is_loopback, parse_url
from gcptasks.server.emulator import Emulator
from gcptasks.server.settings import PortSettings

ADMIN_TOKEN = "CLOUD_TASKS_ADMIN_TOKEN"
"""Where the commands `admin` find the token."""
VARIABLES = ("CLOUD_TASKS_EMULATOR_HOST", "CLOUD_SCHEDULER_EMULATOR_HOST")
"""Where an application finds the service."""

_NAMED = 20
"""Queues that are left alone."""


def say_emulator(settings: PortSettings, emulator: Emulator) -> None:
    """Say where the service is, and what a user of it should know."""
    where = (emulator.address, "bold")
    say("Cloud Tasks and Cloud Scheduler serve at ", where, f", tasks and jobs are kept in {_kept(settings)}")
    for name in VARIABLES:
        say(f"  export {name}={emulator.address}", style="dim")
    _say_admin(settings, emulator)
    _say_imported(settings, emulator)
    if not settings.queues and not settings.imported_queues and not settings.create_queues:
        say("  no queue yet: create one by a client or with --queue, or start with --create-queues", style="dim")
    if settings.app_engine is not None:
        say(f"  tasks and jobs for App Engine go to {settings.app_engine}", style="dim")
    if not is_loopback(settings.host):
        warn(f"{settings.host} can be reached from other machines, without a password but for the paths below /admin")
    _warn_if_another_delivers(emulator)


def say_dev(host: str, port: int, settings: PortSettings, emulator: Emulator) -> None:
    """Say where the application and the service are."""
    shown = f"[{host}]" if ":" in host else host
    say("application  ", (f"http://{shown}:{port}", "bold"))
    say("local tasks  ", (emulator.address, "bold"), f", kept in {_kept(settings)}")
    _say_admin(settings, emulator)
    _say_imported(settings, emulator)
    _warn_if_another_delivers(emulator)
    for name in VARIABLES:
        if os.environ.get(name, emulator.address) != emulator.address:
            warn(f"{name} is {os.environ[name]} here; the application gets {emulator.address} instead")


def say_rows(found: Found) -> None:
    """Say which routes and functions are tasks, each on a line, and below it what is wrong with it."""
    widths = [max(map(len, column)) for column in zip(*(task.columns for task in found.all_tasks), strict=True)]
    for task in found.all_tasks:
        columns = [text.ljust(width) for text, width in zip(task.columns, widths, strict=True)]
        say("scheduled    " if task.location else "task         ", "  ".join(columns).rstrip())
        for fault in task.faults:
            say(f"fault        {fault}", style="red")
    for path in found.idle_workers:
        warn(f"the CloudTaskRouter at {path} has no function to run: is the module that declares them imported?")
    if not found.all_tasks and not found.idle_workers:
        warn("no route of this application is a task yet: is the router of the tasks included?")


def say_tasks(found: Found, port: int) -> None:
    """Say which routes and functions are tasks: a line each, whose words stand in columns and can be split at blanks.

    `port` is the application's: it warns of tasks that go to another one of this machine.
    """
    say_rows(found)
    if found.faults:
        return
    if found.embedded:
        say("the application carries a LocalService: it keeps that, and the tasks in it are not with the service here")
        return
    for origin in sorted(set(_local_origins(found.all_tasks))):
        if origin.port != port:
            warn(f"tasks go to {origin}, but this application listens at port {port}: change their URL")


def say_stopping() -> None:
    """Say what Ctrl-C does, and what a second one does."""
    say("stopping: no new attempts, those under way may finish; Ctrl-C again ends at once")


def _kept(settings: PortSettings) -> str:
    return "memory only, gone when it stops" if settings.parsed_database.path is None else settings.database


def _say_admin(settings: PortSettings, emulator: Emulator) -> None:
    if settings.admin_token is None:
        say(f"  export {ADMIN_TOKEN}={emulator.admin_token}", style="dim")
    if settings.manual_clock is not None:
        stands = settings.manual_clock.isoformat()
        warn(f"the clock stands at {stands} until it is moved: fastapi-gcp-tasks admin clock")


def _say_imported(settings: PortSettings, emulator: Emulator) -> None:
    """Say which queues a queue.yaml has set, and which it has left alone."""
    if not settings.imported_queues:
        return
    location = settings.imported_queues[0].name.location
    say(f"  queues in {location}: {', '.join(queue.name.queue for queue in settings.imported_queues)}", style="dim")
    others = emulator.left_alone(_NAMED + 1)
    if others:
        more = " and more" if len(others) > _NAMED else ""
        say(f"  not in queue.yaml, left alone: {', '.join(name.queue for name in others[:_NAMED])}{more}", style="dim")


def _warn_if_another_delivers(emulator: Emulator) -> None:
    if not emulator.delivers:
        warn("another process delivers from this database; this one goes on when that ends")


def _local_origins(tasks: tuple[TaskRow, ...]) -> Iterator[Origin]:
    for task in tasks:
        try:
            origin = parse_url(task.url).origin
        except Unreachable:
            continue
        if is_loopback(origin.host):
            yield origin
