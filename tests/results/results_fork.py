"""Forks while a thread and a coroutine wait for a record: `python -m results.results_fork KIND WHERE [NAME]`.

A process of its own, since the fork of a process with threads warns. It ends with 0 if the child could use the store,
and the parent still hears of what the child wrote.
"""

import asyncio
import os
import signal
import sys
import threading

from gcptasks.engine.task_records import Cancelled, Started, TaskStatus
from gcptasks.results.store import ResultStore
from results.results_named import results_named
from results.results_store_suite import new


def in_child(results: ResultStore, id: str, version: int) -> None:
    signal.alarm(30)  # for a child that waits for a thread which it does not have
    store = results.blocking()

    async def changes_and_waits() -> None:
        calls = results.awaiting()
        mine = await calls.add(new())
        waits = asyncio.create_task(calls.wait(mine.id, mine.version, 20))
        await asyncio.sleep(0)
        await calls.change(mine.id, 1, Started("app.hello"))
        await asyncio.wait_for(waits, 20)
        mine_now = await calls.get(mine.id)
        assert mine_now is not None
        await calls.wait(mine.id, mine_now.version, 0.01)

    asyncio.run(changes_and_waits())
    store.wait(id, version, 0.01)
    assert store.change(id, 1, Cancelled()) is not None


def fork(results: ResultStore, id: str, version: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            in_child(results, id, version)
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child


async def main(*named: str) -> None:
    results = results_named(*named)
    record = await results.awaiting().add(new())
    thread = threading.Thread(target=results.blocking().wait, args=(record.id, record.version, 30))
    thread.start()
    waits = asyncio.create_task(results.awaiting().wait(record.id, record.version, 30))
    await asyncio.sleep(0)
    child = fork(results, record.id, record.version)
    try:
        await asyncio.wait_for(waits, 30)
    finally:
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        await asyncio.to_thread(thread.join)
    assert os.waitstatus_to_exitcode(status) == 0, "the child could not use the store"
    after = await results.awaiting().get(record.id)
    assert after is not None
    assert after.status is TaskStatus.CANCELLED


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
