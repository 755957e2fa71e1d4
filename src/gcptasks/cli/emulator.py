"""The command `emulator`: the local service alone."""

import asyncio

from gcptasks.cli.announce import say_emulator, say_stopping
from gcptasks.cli.output import LogLevel, log_to_terminal, say
from gcptasks.cli.signals import stop_signal
from gcptasks.server.emulator import Config, emulating


def run(config: Config, log_level: LogLevel) -> None:
    """Serve until Ctrl-C."""
    log_to_terminal(log_level)
    asyncio.run(_serve(config))


async def _serve(config: Config) -> None:
    stop = stop_signal()
    async with emulating(config) as emulator:
        say_emulator(config, emulator)
        await stop.wait()
        say_stopping()
    say("stopped")
