"""A store that is down costs those who can do without it a second, and raises nothing."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gcptasks.engine.task_records import Cancelled, Confirmed
from gcptasks.results.guarded import guarded
from gcptasks.results.store import Attempt, NewRecord
from results.results_down import PATIENCE, BusyStore, HangingStore, RefusingStore

NEW = NewRecord(id="1", endpoint="app.work", task_name="projects/p/locations/l/queues/q/tasks/1")
DOWN = "RefusingStore does not answer, so tasks run without being recorded: nobody listens\\non that port"
BACK = "RefusingStore answers again: tasks are recorded"


def test_a_store_that_is_down_is_passed_over_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    store = RefusingStore()
    quiet = guarded(store).quiet
    assert quiet.add(NEW) is None
    quiet.add_many([NEW])
    assert quiet.get("1") is None
    assert quiet.change("1", 1, Cancelled()) is None
    assert quiet.remove("1") is False
    assert store.calls == 5
    assert caplog.messages == [DOWN]
    store.down = False
    quiet.get("1")
    quiet.get("1")
    assert caplog.messages == [DOWN, BACK]


async def test_an_awaited_store_that_is_down_is_passed_over_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    store = RefusingStore()
    quiet = guarded(store).awaiting
    assert await quiet.add(NEW) is None
    await quiet.add_many([NEW])
    assert await quiet.get("1") is None
    assert await quiet.change("1", 1, Cancelled()) is None
    assert await quiet.change("1", 1, Confirmed(), since=0.0) is None
    assert await quiet.remove("1") is False
    await quiet.hear([Attempt("1", 1, 1)])
    assert await quiet.cancelled([Attempt("1", 1, 1)]) == set()
    assert store.calls == 8
    assert caplog.messages == [DOWN]
    store.down = False
    await quiet.get("1")
    assert caplog.messages == [DOWN, BACK]


def test_all_who_have_a_store_share_what_is_known_of_it() -> None:
    store = RefusingStore()
    mine = guarded(store)
    assert guarded(store) is mine
    assert guarded(RefusingStore()) is not mine


@pytest.fixture(params=[False, True], ids=["awaits", "only-blocks"])
def hanging(request: pytest.FixtureRequest) -> Iterator[HangingStore]:
    store = HangingStore(only_blocks=request.param)
    yield store
    store.freed.set()


def test_a_store_that_hangs_is_not_waited_for(hanging: HangingStore, caplog: pytest.LogCaptureFixture) -> None:
    assert guarded(hanging).quiet.get("1") is None
    assert not hanging.freed.is_set()
    assert "there was no answer within 1 s" in caplog.text


async def test_an_awaited_store_that_hangs_is_not_waited_for(hanging: HangingStore) -> None:
    quiet = guarded(hanging).awaiting
    async with asyncio.timeout(PATIENCE / 2):
        # Together, as one after the other would take the test's time.
        answers = await asyncio.gather(*(quiet.change("1", 1, Confirmed()) for _ in range(100)))
    assert set(answers) == {None}
    hanging.freed.set()  # as the loop waits for what ignores its cancellation


async def test_who_waits_for_others_is_answered_in_turn(caplog: pytest.LogCaptureFixture) -> None:
    """A burst of calls takes as long as it takes; a store that is down is one that answers nobody."""
    guard = guarded(BusyStore(takes=0.05))
    await asyncio.gather(*(guard.awaiting.get(str(n)) for n in range(25)))
    await asyncio.gather(*(asyncio.to_thread(guard.quiet.get, str(n)) for n in range(25)))
    assert caplog.messages == []


async def test_an_event_loop_that_is_held_up_gives_no_store_up(caplog: pytest.LogCaptureFixture) -> None:
    call = asyncio.create_task(guarded(BusyStore(takes=0.1)).awaiting.get("1"))
    await asyncio.sleep(0.01)
    time.sleep(1.5)  # noqa: ASYNC251  # as an endpoint does that computes in a coroutine
    await call
    assert caplog.messages == []


async def test_a_call_that_hangs_is_given_up_though_others_are_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gcptasks.results.guarded._LONGEST", 1.5)
    quiet = guarded(BusyStore(takes=0.02)).awaiting
    hanging = asyncio.create_task(quiet.get("hangs"))
    async with asyncio.timeout(PATIENCE / 2):
        while not hanging.done():
            await quiet.get("1")
    assert "there was no answer within 1 s" in caplog.text


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from results.results_down import HangingStore
from gcptasks.results.guarded import guarded
assert guarded(HangingStore()).quiet.get("1") is None
"""


def test_a_process_ends_though_a_store_hangs() -> None:
    tests = str(Path(__file__).parent.parent)
    subprocess.run([sys.executable, "-c", PROGRAM, tests], check=True, timeout=PATIENCE / 2)
