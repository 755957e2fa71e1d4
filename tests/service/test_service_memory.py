"""What a call leaves behind."""

import asyncio
import gc
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from gcptasks.base.clock import SystemClock
from gcptasks.base.errors import NotFound
from gcptasks.base.events import Events
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.names import SERVICE

LARGE = 1_000_000
CREATE = f"/{SERVICE}/CreateTask"
REQUEST = messages.CreateTaskRequest(
    parent="projects/p/locations/l/queues/none",
    task=messages.Task(http_request=messages.HttpRequest(url="http://worker.test/", body=b"x" * LARGE)),
)


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Calls]:
    store = Store(parse_database(str(tmp_path / "tasks.db")), Events())
    yield Calls(store, SystemClock(), Policy())
    store.close()


async def on_bytes(calls: Calls) -> None:
    await calls.handle(CREATE, REQUEST.SerializeToString())


async def blocking(calls: Calls) -> None:
    message = messages.CreateTaskRequest.FromString(REQUEST.SerializeToString())
    await asyncio.to_thread(calls.call_sync, CREATE, message)


@pytest.mark.parametrize("call", [on_bytes, blocking])
async def test_a_refused_call_leaves_nothing_for_the_garbage_collector(
    calls: Calls, call: Callable[[Calls], Awaitable[None]]
) -> None:
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(20):
            with pytest.raises(NotFound):
                await call(calls)
            # The error that pytest shows holds on to its frames.
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert left < 5 * LARGE
