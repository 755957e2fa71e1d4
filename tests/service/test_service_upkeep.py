"""What the service does of itself: old tasks go, and name blocks that have ended."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gcptasks.base.events import TaskExpired
from gcptasks.engine.model import Reply
from gcptasks.service import dispatch
from gcptasks.store.due import BEGINNING
from service.service_kept import Kept
from service.test_service_repeats import GONE, NEVER, TOO_RECENT

MONTH = timedelta(days=31)
A_SECOND = timedelta(seconds=1)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "tasks.db")
    yield made
    made.store.close()


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_a_task_goes_when_it_is_older_than_31_days(kept: Kept, named: bool) -> None:
    """CT-145; its name stays blocked as any other's (CT-129, CT-136)."""
    api, queue = kept.api, kept.queue
    old = api.task(queue, name=f"{queue}/tasks/old" if named else "").name
    kept.clock.advance(A_SECOND)
    young = api.task(queue).name
    kept.clock.advance(MONTH - A_SECOND)
    assert kept.sweep() is False
    assert kept.names() == [old, young]
    kept.clock.advance(A_SECOND)
    assert kept.sweep() is False
    assert kept.names() == [young]
    assert api.refusal("get_task", name=old) == GONE
    assert api.no_task(queue, name=old) == TOO_RECENT


def test_its_state_does_not_keep_it(kept: Kept) -> None:
    """CT-145: paused, put off, failed, or under way, which is not written back when it ends."""
    api, queue, store = kept.api, kept.queue, kept.store
    api.task(queue, schedule_time=kept.clock.now() + timedelta(days=30))
    api.task(queue)
    due = store.read(dispatch.queues_after, 0, 0, 1).queues[0].queue
    number = store.read(dispatch.due_tasks, due.name, BEGINNING, 2**62, 1)[0].number
    (under_way,) = store.write_sync(dispatch.lease, dispatch.Wanted({due.name: [number]}), kept.clock.now())
    api.call("pause_queue", name=queue)
    names = kept.names()
    kept.clock.advance(MONTH + A_SECOND)
    kept.sweep()
    assert kept.names() == []
    expired = [event for event in kept.heard.events if isinstance(event, TaskExpired)]
    assert sorted(str(event.task) for event in expired) == sorted(names)
    assert {event.at for event in expired} == {kept.clock.now()}
    failed = dispatch.Ended(under_way, Reply(status=500), kept.clock.now())
    store.write_sync(dispatch.acknowledge, [failed])
    assert kept.names() == []


def test_blocks_that_have_ended_are_dropped_and_others_stay(kept: Kept) -> None:
    """CT-130."""
    api, queue = kept.api, kept.queue
    for task_id in ("first", "second"):
        api.call("delete_task", name=api.task(queue, name=f"{queue}/tasks/{task_id}").name)
        kept.clock.advance(A_SECOND)
    kept.clock.advance(timedelta(hours=24) - 2 * A_SECOND)
    assert kept.sweep() is False
    assert kept.rows("blocked_tasks") == 1
    assert api.refusal("get_task", name=f"{queue}/tasks/first") == NEVER
    assert api.refusal("get_task", name=f"{queue}/tasks/second") == GONE
    kept.clock.advance(A_SECOND)
    kept.sweep()
    assert kept.rows("blocked_tasks") == 0


def test_many_go_by_the_hundred(kept: Kept) -> None:
    """So that no sweep holds up those who wait to write; whoever sweeps is told to go on."""
    api, queue = kept.api, kept.queue
    for number in range(101):
        api.task(queue, name=f"{queue}/tasks/{number}")
    kept.clock.advance(MONTH + A_SECOND)
    assert kept.sweep() is True
    assert len(kept.names()) == 1
    assert kept.sweep() is False
    assert kept.names() == []
    kept.clock.advance(timedelta(hours=24))
    assert kept.sweep() is True
    assert kept.sweep() is False
    assert kept.rows("blocked_tasks") == 0
