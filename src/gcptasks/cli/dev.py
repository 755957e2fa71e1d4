"""The command `dev`: an application under uvicorn with reload, and the local service beside it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.table import Table

from gcptasks.base.errors import SetupError
from gcptasks.cli.application import Application, application
from gcptasks.cli.output import LogLevel, console, log_to_terminal
from gcptasks.cli.signals import stop_signal
from gcptasks.server.emulator import Config, Emulator, emulating

_VARIABLES = ("CLOUD_TASKS_EMULATOR_HOST", "CLOUD_SCHEDULER_EMULATOR_HOST")
_GRACE = 10.0


def run(
    text: str, *, host: str, port: int, service_port: int, reload: bool, database: Path, log_level: LogLevel
) -> None:
    """Run both until Ctrl-C, or until the application ends by itself."""
    app = application(text)
    _require_free(host, port)
    log_to_terminal(log_level)
    config = Config(host=host, port=service_port, database=str(database), create_queues=True)
    sys.exit(asyncio.run(_run(app, config, port, reload=reload)))


async def _run(app: Application, config: Config, port: int, *, reload: bool) -> int:
    stop = stop_signal()
    found = await _inspected(app)
    async with emulating(config) as emulator:
        environment = os.environ | dict.fromkeys(_VARIABLES, emulator.address)
        _announce(found, emulator, f"http://{config.host}:{port}")
        command = _uvicorn(app, found["name"], config.host, port, reload=reload)
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        return await _until_stopped(process, stop)


async def _until_stopped(process: asyncio.subprocess.Process, stop: asyncio.Event) -> int:
    """The application's exit code, or 0 once both were asked to stop."""
    ended, asked = asyncio.ensure_future(process.wait()), asyncio.ensure_future(stop.wait())
    await asyncio.wait([ended, asked], return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        asked.cancel()
        return ended.result()
    # Ctrl-C on a terminal has reached it too; a SIGTERM has not.
    process.send_signal(signal.SIGTERM)
    done, _ = await asyncio.wait([ended], timeout=_GRACE)
    if not done:
        process.kill()
        await ended
    return 0


def _uvicorn(app: Application, name: str, host: str, port: int, *, reload: bool) -> list[str]:
    command = [sys.executable, "-m", "uvicorn", f"{app.module}:{name}", "--app-dir", str(app.folder)]
    command += ["--host", host, "--port", str(port)]
    return [*command, "--reload", "--reload-dir", str(app.folder)] if reload else command


async def _inspected(app: Application) -> Any:
    """What is in the application; `SetupError` if it cannot be imported, its traceback shown."""
    command = [sys.executable, "-m", "gcptasks.cli.inspection", str(app.folder), app.module]
    command += [app.name] if app.name else []
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise SetupError(f"{app.module} cannot be run: see above")
    return json.loads(output.splitlines()[-1])


def _announce(found: Any, emulator: Emulator, url: str) -> None:
    console.print(f"application  [bold]{url}[/bold]")
    console.print(f"local tasks  [bold]{emulator.address}[/bold]")
    if not found["tasks"]:
        console.print("no route of this application is a task yet", style="yellow")
        return
    table = Table("task", "called at", "queue", box=None, header_style="dim", pad_edge=False)
    for task in found["tasks"]:
        table.add_row(task["name"], f"{task['method']} {task['url']}", task["queue"])
    console.print(table)
    if any(task["embedded"] for task in found["tasks"]):
        console.print("the application carries a LocalService, which keeps its own tasks", style="yellow")


def _require_free(host: str, port: int) -> None:
    """`SetupError` if the application could not listen there."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in addresses[:1]:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        raise SetupError(
            f"the application cannot listen at {host}:{port}: {error.strerror}; choose another --port"
        ) from error
