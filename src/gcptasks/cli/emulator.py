"""The command `emulator`: the local service alone."""

import asyncio

from gcptasks.cli.announce import say_emulator, say_stopping
from gcptasks.cli.collector import spare_imports
from gcptasks.cli.output import LogLevel, log_to_terminal, say
from gcptasks.cli.signals import stop_signal
from gcptasks.runtime.targets.open_files import raise_limit
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings


def run(settings: PortSettings, log_level: LogLevel) -> None:
    """Serve until Ctrl-C."""
    spare_imports()
    log_to_terminal(log_level)
    raise_limit()
    asyncio.run(_serve(settings))


async def _serve(settings: PortSettings) -> None:
    stop = stop_signal()
    async with emulating(settings) as emulator:
        say_emulator(settings, emulator)
        await stop.wait()
        say_stopping()
    say("stopped")
