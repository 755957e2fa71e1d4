"""What a service tells of what happened to queues and tasks by calls, and when."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gcptasks.base.events import (
    Events,
    QueueChange,
    QueueChanged,
    TaskCreated,
    TaskDeleted,
    TaskForced,
)
from gcptasks.base.names import parse_queue, parse_task
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from runtime.runtime_doubles import START, ManualClock
from service.service_world import Api, Heard

PARENT = "projects/p/locations/l"
QUEUE = parse_queue(f"{PARENT}/queues/q")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def api(clock: ManualClock) -> Iterator[Api]:
    heard, events = Heard(), Events()
    events.subscribe(heard)
    store = Store(parse_database("memory:"), events)
    yield Api(inprocess.client(TASKS, Calls(store, clock, Policy())), heard, PARENT)
    store.close()


@pytest.mark.parametrize(
    ("method", "change", "tasks"),
    [
        ("pause_queue", QueueChange.PAUSED, 0),
        ("resume_queue", QueueChange.RESUMED, 0),
        ("purge_queue", QueueChange.PURGED, 3),
        ("delete_queue", QueueChange.DELETED, 3),
    ],
)
def test_a_changed_queue_tells_how_when_and_how_many_tasks_went(
    api: Api, clock: ManualClock, method: str, change: QueueChange, tasks: int
) -> None:
    queue = api.queue().name
    api.task(queue)
    for task_id in ("a", "b"):
        api.task(queue, name=f"{queue}/tasks/{task_id}")
    clock.advance(timedelta(seconds=5))
    api.call(method, name=queue)
    assert api.heard.events[0] == QueueChanged(QUEUE, QueueChange.CREATED, START)
    assert api.heard.events[-1] == QueueChanged(QUEUE, change, clock.now(), tasks)


@pytest.mark.parametrize(
    ("method", "kind"),
    [("run_task", TaskForced), ("delete_task", TaskDeleted)],
)
def test_what_a_call_does_to_a_task_is_told_with_its_time(
    api: Api, clock: ManualClock, method: str, kind: type[TaskForced | TaskDeleted]
) -> None:
    task = api.task(api.queue().name, schedule_time=START + timedelta(hours=1))
    clock.advance(timedelta(seconds=5))
    api.call(method, name=task.name)
    name = parse_task(task.name)
    assert api.heard.events[1:] == [TaskCreated(name, START + timedelta(hours=1), START), kind(name, clock.now())]


def test_a_call_that_is_refused_tells_nothing(api: Api) -> None:
    queue = api.queue().name
    told = len(api.heard.events)
    api.no_task(queue, url="ftp://worker.test/")
    api.refusal("delete_task", name=f"{queue}/tasks/none")
    api.refusal("purge_queue", name=f"{queue}-other")
    assert len(api.heard.events) == told
