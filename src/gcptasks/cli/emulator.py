"""The command `emulator`: the local service alone."""

import asyncio
import ipaddress

from gcptasks.cli.output import LogLevel, console, log_to_terminal
from gcptasks.cli.signals import stop_signal
from gcptasks.engine.quotas import Quotas
from gcptasks.server.emulator import Config, Emulator, emulating


def run(
    *,
    host: str,
    port: int,
    database: str,
    queues: tuple[str, ...],
    create_queues: bool,
    quotas: Quotas,
    log_level: LogLevel,
) -> None:
    """Serve until Ctrl-C."""
    log_to_terminal(log_level)
    config = Config(host=host, port=port, database=database, queues=queues, create_queues=create_queues, quotas=quotas)
    asyncio.run(_serve(config))


async def _serve(config: Config) -> None:
    stop = stop_signal()
    async with emulating(config) as emulator:
        _announce(config, emulator)
        await stop.wait()
        console.print("stopping: no new attempts, those under way may finish")
    console.print("stopped")


def _announce(config: Config, emulator: Emulator) -> None:
    kept = "memory only, gone when it stops" if config.database == ":memory:" else config.database
    console.print(f"Cloud Tasks serves at [bold]{emulator.address}[/bold], tasks are kept in {kept}")
    console.print(f"  export CLOUD_TASKS_EMULATOR_HOST={emulator.address}", style="dim")
    if not config.queues and not config.create_queues:
        console.print("  no queue yet: create them by a client, --queue, or --create-queues", style="dim")
    if not emulator.delivers:
        console.print("another process delivers from this database; this one goes on when that ends", style="yellow")
    if not is_loopback(config.host):
        console.print(f"warning: {config.host} can be reached from other machines, without a password", style="yellow")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
