"""A stop of the service while clients create tasks: whoever is told UNAVAILABLE finds nothing done (CT-007)."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.api_core.exceptions import ServiceUnavailable

from gcptasks.client.api import TASKS
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings

QUEUE = "projects/p/locations/l/queues/q"
PATIENCE = 30
AT_ONCE = 20
STOPPING = "The service is stopping."


def at(path: Path) -> PortSettings:
    return PortSettings(port=0, database=str(path), queues=(QUEUE,), grace=0)


@asynccontextmanager
async def calling(address: str) -> AsyncGenerator[Any]:
    """Google's async client."""
    client: Any = TASKS.make_async_client(address)
    try:
        yield client
    finally:
        await client.transport.close()


async def create(client: Any, id_: str) -> str:
    """Create the task, once: empty, or what the client says if the service is UNAVAILABLE."""
    task = {
        "name": f"{QUEUE}/tasks/{id_}",
        "http_request": {"url": "http://worker.test/"},
        "schedule_time": datetime.now(UTC) + timedelta(hours=1),
    }
    try:
        await client.create_task(parent=QUEUE, task=task, retry=None, timeout=PATIENCE)
    except ServiceUnavailable as error:
        return str(error)
    return ""


async def there(path: Path) -> set[str]:
    """The ids of the tasks that are in the database."""
    async with emulating(at(path)) as emulator, TASKS.make_async_client(emulator.address) as client:
        return {task.name.rpartition("/")[2] async for task in await client.list_tasks(parent=QUEUE)}


async def test_a_call_that_waits_for_the_database_at_a_stop_is_told_the_truth(tmp_path: Path) -> None:
    """CT-007."""
    path = tmp_path / "tasks.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        async with AsyncExitStack() as later:
            async with emulating(at(path)) as emulator:
                client = await later.enter_async_context(calling(emulator.address))
                other.execute("BEGIN IMMEDIATE")
                created = asyncio.create_task(create(client, "t"))
                await asyncio.sleep(0)
                await client.get_queue(name=QUEUE, timeout=PATIENCE)  # so that the service has the call before it
                release = threading.Timer(1.5, other.rollback)  # later than calls have at a stop
                release.start()
            refused = await created
            release.join()
    assert await there(path) == (set() if refused else {"t"})


async def test_what_was_not_accepted_while_the_service_stops_is_not_there(tmp_path: Path) -> None:
    """CT-007."""
    path = tmp_path / "tasks.db"
    outcomes: dict[str, str] = {}
    enough = asyncio.Event()

    async def keep_creating(client: Any, caller: int) -> None:
        number = 0
        while not any(outcomes.values()):
            id_ = f"{caller}-{number}"
            outcomes[id_] = await create(client, id_)
            number += 1
            if len(outcomes) > 10 * AT_ONCE:
                enough.set()

    async with AsyncExitStack() as later:
        async with emulating(at(path)) as emulator:
            client = await later.enter_async_context(calling(emulator.address))
            callers = [asyncio.create_task(keep_creating(client, caller)) for caller in range(AT_ONCE)]
            for caller in callers:
                later.callback(caller.cancel)
            await asyncio.wait_for(enough.wait(), PATIENCE)
        await asyncio.wait_for(asyncio.gather(*callers), PATIENCE)
    found = await there(path)
    assert {id_ for id_, refused in outcomes.items() if not refused} <= found
    # Of one whose connection broke before it had its response nobody can know.
    told = {id_ for id_, refused in outcomes.items() if STOPPING in refused or "failed to connect" in refused}
    assert told & found == set()
