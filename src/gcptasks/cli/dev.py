"""The command `dev`: an application under uvicorn with reload, and the local service beside it."""

import asyncio
import os
import socket
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import watchfiles

from gcptasks.base.errors import SetupError
from gcptasks.cli.announce import VARIABLES, say_dev, say_stopping, say_tasks
from gcptasks.cli.application import Application
from gcptasks.cli.collector import spare_imports
from gcptasks.cli.found import Found
from gcptasks.cli.output import LogLevel, log_to_terminal, say, warn
from gcptasks.cli.schedules import say_jobs
from gcptasks.cli.serving import Serving, served
from gcptasks.cli.signals import stop_signal
from gcptasks.rpc.listener import bind
from gcptasks.runtime.targets.address import Origin
from gcptasks.runtime.targets.open_files import raise_limit
from gcptasks.server.emulator import Emulator, emulating
from gcptasks.server.settings import PortSettings

R = TypeVar("R")

_APP_STOPS = timedelta(seconds=2)
"""What the application has to stop, of the time that all steps of a stop have together."""


def run(app: Application, host: str, port: int, settings: PortSettings, log_level: LogLevel, *, reload: bool) -> int:
    """Run both until Ctrl-C, or until the application ends by itself; the exit code."""
    spare_imports()
    log_to_terminal(log_level)
    raise_limit()
    return asyncio.run(_run(app, host, port, settings, reload=reload))


async def _run(app: Application, host: str, port: int, settings: PortSettings, *, reload: bool) -> int:
    stop = stop_signal()
    with ExitStack() as sockets:
        # Before the service starts, which would deliver to whoever else has this port.
        listening = [sockets.enter_context(sock) for sock in await bind(host, port)]
        if settings.app_engine is None:
            settings = replace(settings, app_engine=str(Origin("http", host, listening[0].getsockname()[1])))
        async with emulating(settings) as emulator:
            # Closed before the service stops, so that it does not wait for answers that nobody will give.
            with sockets.pop_all():
                say_dev(host, listening[0].getsockname()[1], settings, emulator)
                variables = dict.fromkeys(VARIABLES, emulator.address)
                code = await _Dev(app, listening, os.environ | variables, emulator, stop, reload=reload).run()
    if stop.is_set():
        say("stopped")
    return code


class _Dev:
    """An application that is served again whenever its code has changed; the service and the sockets stay."""

    def __init__(
        self,
        app: Application,
        sockets: list[socket.socket],
        environment: dict[str, str],
        emulator: Emulator,
        stop: asyncio.Event,
        *,
        reload: bool,
    ) -> None:
        self._app = app
        self._sockets = sockets
        self._environment = environment
        self._emulator = emulator
        self._stop = stop
        self._reload = reload
        self._changed = asyncio.Event()
        self._found: Found | None = None
        self._jobs: list[Any] = []
        """Those that were said."""

    async def run(self) -> int:
        """The exit code, once it was asked to stop or the application has ended by itself."""
        watching = asyncio.ensure_future(self._watch())
        code = None
        try:
            while code is None and not self._stop.is_set():
                self._changed.clear()
                async with served(self._app, self._sockets, self._environment) as serving:
                    code = await self._attend(serving)
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        return code or 0

    async def _attend(self, serving: Serving) -> int | None:
        """The exit code, or None when the application is to be served again."""
        code = await self._run_unless_interrupted(self._wait_for_end(serving))
        if self._stop.is_set():
            say_stopping()
            if serving.is_up:
                await self._emulator.stop_delivering(spare=_APP_STOPS)
            serving.patience = max(self._emulator.left_to_stop(), _APP_STOPS).total_seconds()
            return 0
        if self._changed.is_set():
            say("the code has changed: the application starts again", style="dim")
        return code

    async def _wait_for_end(self, serving: Serving) -> int:
        try:
            found = await serving.receive_found()
            self._say_found(found)
            if await serving.starts():
                await self._say_jobs(found)
            code = await serving.wait()
            how = f"the application ended with exit code {code}"
        except SetupError as error:
            if self._found is None:
                raise
            how = str(error)
            code = 2
        if self._reload:
            warn(f"{how}; it starts again when its code changes")
            await self._changed.wait()
        return code

    async def _run_unless_interrupted(self, work: Coroutine[Any, Any, R]) -> R | None:
        """The result, unless somebody wants to stop, or the code changes, before that."""
        working = asyncio.ensure_future(work)
        others = [asyncio.ensure_future(event.wait()) for event in (self._stop, self._changed)]
        await asyncio.wait([working, *others], return_when=asyncio.FIRST_COMPLETED)
        interrupted = self._stop.is_set() or self._changed.is_set()
        for wait in (working, *others):
            wait.cancel()
        await asyncio.wait([working, *others])
        return None if interrupted else working.result()

    async def _watch(self) -> None:
        if self._reload:
            async for _ in watchfiles.awatch(self._app.folder, watch_filter=watchfiles.PythonFilter()):
                self._changed.set()

    async def _say_jobs(self, found: Found) -> None:
        """Say which jobs there are, now that the application has had the time to schedule its own."""
        jobs = await self._emulator.list_jobs()
        kept = [(job.name, job.schedule, job.time_zone, job.state, job.http_target.uri) for job in jobs]
        if kept and kept != self._jobs:
            say_jobs(jobs, found, self._sockets[0].getsockname()[1], self._emulator.address)
        self._jobs = kept

    def _say_found(self, found: Found) -> None:
        if found != self._found:
            say_tasks(found, self._sockets[0].getsockname()[1])
        if found.faults:
            raise SetupError("a task cannot run as the application serves it: see above")
        self._found = found
