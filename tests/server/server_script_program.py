"""A script that enqueues on a database and ends, without starting a service: `python -m … DATABASE`."""

import asyncio
import sys

from server.server_apps import Carrier

if __name__ == "__main__":
    carrier = Carrier(sys.argv[1])
    carrier.note.delay(text="from a script")
    asyncio.run(carrier.async_note.delay(text="from a script, awaited"))
