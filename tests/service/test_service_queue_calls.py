"""Getting, deleting, pausing, resuming and purging queues (sections 4, 6 and 7 of the contract)."""

from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import NotFound
from google.cloud.tasks_v2 import Queue

from service.service_world import Api, Place, Refusal
from service.test_service_repeats import GONE, TOO_RECENT

NO_QUEUE = Refusal(
    NotFound,
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.",
)
NO_ENTITY = Refusal(NotFound, "Requested entity was not found.")


@pytest.mark.parametrize("method", ["get_queue", "pause_queue", "resume_queue", "purge_queue"])
def test_a_queue_that_never_was_or_is_gone_is_not_found(api: Api, method: str) -> None:
    """CT-051, CT-079, CT-259."""
    assert api.refusal(method, name=api.name()) == NO_QUEUE
    api.queue()
    api.call("delete_queue", name=api.name())
    assert api.refusal(method, name=api.name()) == NO_QUEUE


def test_a_queue_is_deleted_with_its_tasks(api: Api) -> None:
    """CT-059, CT-069, CT-071, CT-110."""
    queue = api.paused()
    task = api.task(queue, name=f"{queue}/tasks/t").name
    assert api.call("delete_queue", name=queue) is None
    assert api.refusal("get_queue", name=queue) == NO_QUEUE
    assert list(api.call("list_queues", parent=api.parent).queues) == []
    assert api.no_task(queue) == NO_QUEUE
    assert api.refusal("list_tasks", parent=queue) == NO_QUEUE
    assert api.refusal("get_task", name=task) == NO_ENTITY


def test_deleting_a_queue_that_is_not_there_has_a_text_of_its_own(api: Api) -> None:
    """CT-070."""
    assert api.refusal("delete_queue", name=api.name()) == NO_ENTITY
    api.queue()
    api.call("delete_queue", name=api.name())
    assert api.refusal("delete_queue", name=api.name()) == NO_ENTITY


def test_a_queue_is_paused_and_resumed_as_often_as_one_likes(api: Api) -> None:
    """CT-073, CT-075, CT-076, CT-244."""
    made = api.queue(rate_limits={"max_dispatches_per_second": 7})
    for method, state in [
        ("resume_queue", Queue.State.RUNNING),
        ("pause_queue", Queue.State.PAUSED),
        ("pause_queue", Queue.State.PAUSED),
        ("resume_queue", Queue.State.RUNNING),
        ("resume_queue", Queue.State.RUNNING),
    ]:
        made.state = state
        assert api.call(method, name=made.name) == made
        assert api.call("get_queue", name=made.name) == made


def test_a_paused_queue_keeps_its_due_tasks_until_it_is_resumed(api: Api, place: Place) -> None:
    """CT-073, CT-074, CT-244."""
    queue = api.paused()
    held = api.task(queue, url=place.url).name
    # A task of a running queue, made later, is delivered meanwhile.
    api.finished(api.task(api.queue("running").name, url=place.url).name)
    assert place.received().header("X-CloudTasks-QueueName") == "running"
    assert place.idle
    assert api.get(held).dispatch_count == 0
    api.call("resume_queue", name=queue)
    api.finished(held)
    assert place.received().header("X-CloudTasks-QueueName") == "q"
    assert place.idle


def test_a_backlog_goes_oldest_first(api: Api, place: Place) -> None:
    """CT-077; CT-L11, where Google promises no order (CT-183)."""
    queue = api.paused(rate_limits={"max_concurrent_dispatches": 1})
    now = datetime.now(UTC)
    for age in (1, 3, 2):
        # A past time counts as now (CT-111), so the order is that of creation.
        api.task(queue, name=f"{queue}/tasks/{age}", url=place.url, schedule_time=now - timedelta(hours=age))
    api.call("resume_queue", name=queue)
    assert [place.received().header("X-CloudTasks-TaskName") for _ in range(3)] == ["1", "3", "2"]


def test_a_purge_drops_every_task_and_shows_its_time(api: Api) -> None:
    """CT-048, CT-080, CT-081, CT-082, CT-284, CT-L5, CT-L15."""
    queue = api.paused()
    before = datetime.now(UTC)
    for number in range(3):
        api.task(queue, name=f"{queue}/tasks/{number}", schedule_time=before + timedelta(hours=number))
    other = api.task(api.paused("other")).name
    purged = api.call("purge_queue", name=queue)
    assert before <= purged.purge_time <= datetime.now(UTC)
    assert api.call("get_queue", name=queue) == purged
    assert list(api.call("list_tasks", parent=queue).tasks) == []
    assert api.get(other).name == other
    kept = api.task(queue).name
    assert [task.name for task in api.call("list_tasks", parent=queue).tasks] == [kept]


@pytest.mark.parametrize(("method", "state"), [("pause_queue", "PAUSED"), ("resume_queue", "RUNNING")])
def test_a_purge_keeps_the_state(api: Api, method: str, state: str) -> None:
    """CT-080, CT-083."""
    queue = api.queue().name
    api.call(method, name=queue)
    assert api.call("purge_queue", name=queue).state.name == state


def test_a_second_purge_has_a_later_time(api: Api) -> None:
    """CT-080."""
    queue = api.queue().name
    first = api.call("purge_queue", name=queue).purge_time
    assert api.call("purge_queue", name=queue).purge_time > first


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_a_purged_task_leaves_its_name_blocked(api: Api, named: bool) -> None:
    """CT-283."""
    queue = api.paused()
    task = api.task(queue, name=f"{queue}/tasks/t" if named else "").name
    api.call("purge_queue", name=queue)
    assert api.refusal("get_task", name=task) == GONE
    assert api.no_task(queue, name=task) == TOO_RECENT


@pytest.mark.parametrize("method", ["delete_queue", "purge_queue"])
def test_a_delivery_under_way_is_not_recalled(api: Api, place: Place, method: str) -> None:
    """CT-072, CT-084: it ends as it may, and the task is gone all the same."""
    place.gate.clear()
    place.answers(500)
    queue = api.queue(retry_config={"min_backoff": timedelta(milliseconds=1)}).name
    task = api.task(queue, url=place.url).name
    place.received()
    api.call(method, name=queue)
    place.gate.set()
    api.finished(api.task(api.queue("other").name, url=place.url).name)
    place.received()
    assert place.idle
    assert api.refusal("get_task", name=task).kind is NotFound
