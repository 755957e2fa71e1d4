"""Stopping when asked to."""

import asyncio
import signal


def stop_signal() -> asyncio.Event:
    """Set when the process is asked to stop: Ctrl-C or SIGTERM. A second one ends it the hard way."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked, number)
    return stop
