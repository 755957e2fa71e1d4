"""The application's process, seen from the command that starts it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from gcptasks.base.errors import SetupError
from gcptasks.cli.application import Application
from gcptasks.cli.found import Found

_GRACE = 10.0
"""Seconds for the application to stop; its requests have half of that."""
_ASKED_AGAIN = 1.0
"""Seconds before the end of its patience, the application is asked to wait for no request any more."""

# Ctrl-C reaches every process of a terminal; this one leaves it to the parent, and may not be found unprepared.
_PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
from gcptasks.cli.serve_app import main
main(*sys.argv[1:])
"""


class Serving:
    """An application that is served, or fails to be."""

    def __init__(self, process: asyncio.subprocess.Process, line: asyncio.StreamReader) -> None:
        self._process = process
        self._line = line
        self._is_imported = False
        self.patience = _GRACE
        """How many seconds it has when it is stopped."""

    @property
    def is_up(self) -> bool:
        """Whether requests to it have a chance."""
        return self._is_imported and self._process.returncode is None

    async def receive_found(self) -> Found:
        """What is in the application; `SetupError` if it cannot be imported, its traceback shown."""
        with contextlib.suppress(ConnectionError):
            if text := await self._line.readline():
                told = json.loads(text)
                if "error" in told:
                    raise SetupError(told["error"])
                self._is_imported = True
                return Found.from_json(told)
        raise SetupError("the application cannot be imported: see above")

    async def starts(self) -> bool:
        """Wait for the end of its start; whether it has started."""
        with contextlib.suppress(ConnectionError):
            return bool(await self._line.readline())
        return False

    async def wait(self) -> int:
        """Wait for it to end; its exit code, as a shell has it if a signal ended it."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code


@asynccontextmanager
async def served(
    app: Application, sockets: list[socket.socket], environment: Mapping[str, str]
) -> AsyncGenerator[Serving]:
    """Serves an application on these sockets, which stay open, until the end of the block."""
    ours, theirs = socket.socketpair()
    with theirs:
        numbers = [sock.fileno() for sock in (theirs, *sockets)]
        command = [sys.executable, "-c", _PROGRAM, str(numbers[0]), ",".join(map(str, numbers[1:]))]
        command += [str(app.folder), app.module, app.name or "", "factory" if app.factory else ""]
        process = await asyncio.create_subprocess_exec(*command, env=environment, pass_fds=numbers)
    reader, writer = await asyncio.open_connection(sock=ours)
    serving = Serving(process, reader)
    try:
        yield serving
    finally:
        await _stop(process, serving.patience)
        writer.close()


async def _stop(process: asyncio.subprocess.Process, patience: float) -> None:
    last = min(_ASKED_AGAIN, patience)
    for seconds in (patience - last, last):
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # Not process.send_signal: it collects the exit code of a process that has just ended, which asyncio then misses.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
