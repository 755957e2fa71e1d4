"""The command `cloud-tasks-emulator`, and a task on its loop that notes the holds: `watched_service FILE OPTION…`.

The product runs as it is; only `asyncio.run` is another, which begins that task beside what it is given. The file is
written when the service ends.
"""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from bench.contestants.holds import Hold, watch, write
from gcptasks.cli.main import emulator

T = TypeVar("T")


async def watched(work: Coroutine[Any, Any, T], seen: list[Hold]) -> T:
    """What the work gives, done with the holds of its loop noted in `seen`."""
    watching = asyncio.create_task(watch(seen))
    try:
        return await work
    finally:
        watching.cancel()


def main(file: str, *options: str) -> None:
    seen: list[Hold] = []
    run = asyncio.run

    def run_watched(main: Coroutine[Any, Any, T], **settings: Any) -> T:
        return run(watched(main, seen), **settings)

    product: Any = asyncio  # what its `run` takes differs by version
    product.run = run_watched
    sys.argv = ["cloud-tasks-emulator", *options]
    with suppress(SystemExit):
        emulator()
    write(seen, Path(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
