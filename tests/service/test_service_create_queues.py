"""A queue that a task names first, where the operator lets it be made (CT-L16)."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from gcptasks.base.events import Events, QueueChange, QueueChanged, TaskCreated
from gcptasks.base.names import parse_queue
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.observe.log import log
from gcptasks.server.settings import PortSettings
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from runtime.runtime_doubles import ManualClock
from service.service_world import Api, Heard, Place, over_grpc
from service.test_service_queue_calls import NO_ENTITY, NO_QUEUE

PARENT = "projects/p/locations/l"


@pytest.fixture(params=["in process", "grpc"])
def making(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """The API of a service that makes queues."""
    path = tmp_path / "tasks.db"
    if request.param == "grpc":
        with over_grpc(PortSettings(port=0, database=str(path), create_queues=True)) as (client, heard):
            yield Api(client, heard, PARENT)
        return
    events, heard = Events(), Heard()
    events.subscribe(log)
    events.subscribe(heard)
    store = Store(parse_database(str(path)), events)
    yield Api(inprocess.client(TASKS, Calls(store, ManualClock(), Policy(create_queues=True))), heard, PARENT)
    store.close()


def test_the_first_task_makes_its_queue_with_the_defaults(making: Api, caplog: pytest.LogCaptureFixture) -> None:
    """CT-L16, CT-030: and the log says so."""
    caplog.set_level(logging.INFO, "gcptasks")
    queue = making.name()
    later = making.task(queue, name=f"{queue}/tasks/t", schedule_time="2020-01-01T00:00:00Z")
    made = making.call("get_queue", name=queue)
    created = [event for event in making.heard.events if isinstance(event, QueueChanged | TaskCreated)]
    assert isinstance(created[1], TaskCreated)
    assert created[0] == QueueChanged(parse_queue(queue), QueueChange.CREATED, created[1].at)
    assert (str(created[1].task), len(created)) == (later.name, 2)
    assert "queue q created" in caplog.messages
    other = making.queue("other")
    other.name = queue
    assert made == other


def test_a_queue_that_is_there_is_left_as_it_is(making: Api) -> None:
    made = making.queue(rate_limits={"max_dispatches_per_second": 7})
    making.task(making.name())
    assert making.call("get_queue", name=making.name()) == made
    assert sum(isinstance(event, QueueChanged) for event in making.heard.events) == 1


def test_a_refused_task_makes_no_queue(making: Api) -> None:
    making.no_task(making.name(), url="ftp://worker.test/")
    assert making.refusal("get_queue", name=making.name()) == NO_QUEUE
    assert making.heard.events == []


def test_other_calls_make_none(making: Api) -> None:
    """CT-051, CT-135, CT-140, CT-152: it is a task that names it first."""
    queue = making.name()
    for method, key in [("get_queue", "name"), ("pause_queue", "name"), ("list_tasks", "parent")]:
        assert making.refusal(method, **{key: queue}) == NO_QUEUE
    assert making.refusal("get_task", name=f"{queue}/tasks/t") == NO_ENTITY
    assert making.refusal("run_task", name=f"{queue}/tasks/t") == NO_QUEUE
    assert making.heard.events == []


def test_a_task_of_a_queue_made_so_is_delivered(tmp_path: Path, place: Place) -> None:
    with over_grpc(PortSettings(port=0, database=str(tmp_path / "tasks.db"), create_queues=True)) as (client, heard):
        api = Api(client, heard, PARENT)
        api.finished(api.task(api.name(), url=place.url).name)


def test_queues_named_at_the_start_are_there(tmp_path: Path) -> None:
    """Each once: those of the last run are kept as they are."""
    queues = (f"{PARENT}/queues/a", f"{PARENT}/queues/b")
    settings = PortSettings(port=0, database=str(tmp_path / "tasks.db"), queues=queues)
    with over_grpc(settings) as (client, heard):
        api = Api(client, heard, PARENT)
        paused = api.call("pause_queue", name=api.name("a"))
    with over_grpc(settings) as (client, heard):
        api = Api(client, heard, PARENT)
        assert api.call("get_queue", name=api.name("a")) == paused
        assert [queue.name for queue in api.call("list_queues", parent=PARENT).queues] == list(queues)
        assert api.no_task(api.name("c")) == NO_QUEUE
