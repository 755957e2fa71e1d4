"""What a process leaves behind when it stops: whoever delivers next finds all of it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from gcptasks.base.events import Event, TaskCreated
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.runtime.leader_lock import LeaderLock
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.server.settings import Settings
from server.server_apps import QUEUE

TASK: dict[str, Any] = {"parent": QUEUE, "task": {"http_request": {"url": "http://worker.test/"}}}


class ClosedAmongCalls(Targets):
    """A target that closes while another part of the program still enqueues."""

    backend: Backend

    async def close(self) -> None:
        await super().close()
        self.call = asyncio.ensure_future(inprocess.async_client(TASKS, self.backend.calls).create_task(TASK))
        await asyncio.sleep(0)  # the call waits for its commit, which comes in the next turn of the loop


async def test_no_other_process_delivers_before_all_that_was_accepted_is_written(tmp_path: Path) -> None:
    settings = Settings(database=str(tmp_path / "tasks.db"), create_queues=True)
    target, other = ClosedAmongCalls(), LeaderLock(settings.parsed_database.lock_path)
    target.backend = Backend(settings, lambda: target)
    others_turn: list[bool] = []

    def try_to_lead(event: Event) -> None:
        if isinstance(event, TaskCreated):
            others_turn.append(other.take())

    target.backend.events.subscribe(try_to_lead)
    await target.backend.start()
    await target.backend.stop(timedelta(0))
    assert others_turn == [False]
    assert other.take()
    other.release()
    assert (await target.call).name.startswith(QUEUE)
