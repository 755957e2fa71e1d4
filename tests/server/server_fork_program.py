"""A service whose process forks: the child enqueues, and once more when a line comes in, then ends.

It serves the app of `server_app_on_file`, on the database that the environment names.
"""

import asyncio
import os
import sys

from server.server_app_on_file import app, note
from server.server_apps import serving


async def main() -> None:
    async with serving(app):
        note.delay(text="of the parent")
        if os.fork() == 0:
            note.delay(text="of the child")
            sys.stdin.readline()
            note.delay(text="of the child that lives on")
            os._exit(0)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
