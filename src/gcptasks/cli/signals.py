"""Stopping when asked to."""

import asyncio
import signal

_ASKING = (signal.SIGINT, signal.SIGTERM)


def stop_signal() -> asyncio.Event:
    """Set when the process is asked to stop: Ctrl-C or SIGTERM. A second one ends it at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        stop.set()
        for number in _ASKING:
            loop.remove_signal_handler(number)
            # Python's own handler of Ctrl-C would wait for what is being cleaned up.
            signal.signal(number, signal.SIG_DFL)

    for number in _ASKING:
        loop.add_signal_handler(number, asked)
    return stop
