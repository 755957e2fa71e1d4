"""What ends with time, by a clock that the test moves; and what is about very many, in memory."""

from datetime import timedelta

import pytest
from google.api_core.exceptions import FailedPrecondition
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.events import Events
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from runtime.runtime_doubles import ManualClock
from service.service_world import Api, Heard
from service.test_service_paging import BAD_TOKEN
from service.test_service_repeats import EXISTS, GONE, NEVER, TOO_RECENT

A_MOMENT = timedelta(microseconds=1)
A_SECOND = timedelta(seconds=1)


def _api(clock: ManualClock) -> Api:
    calls = Calls(Store(parse_database("memory:"), Events()), clock, Policy())
    return Api(inprocess.client(TASKS, calls), Heard(), "projects/p/locations/l")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def clocked(clock: ManualClock) -> Api:
    """The API by that clock; it delivers nothing."""
    return _api(clock)


def test_a_page_token_is_good_for_two_hours(clocked: Api, clock: ManualClock) -> None:
    """CT-054, CT-138."""
    queue = clocked.queue().name
    task = clocked.task(queue).name
    of_queues = clocked.call("list_queues", parent=clocked.parent).next_page_token
    of_tasks = clocked.call("list_tasks", parent=queue).next_page_token
    clock.advance(timedelta(hours=2))
    assert list(clocked.call("list_queues", parent=clocked.parent, page_token=of_queues).queues) == []
    assert list(clocked.call("list_tasks", parent=queue, page_token=of_tasks).tasks) == []
    clock.advance(A_SECOND)
    assert clocked.refusal("list_queues", parent=clocked.parent, page_token=of_queues) == BAD_TOKEN
    assert clocked.refusal("list_tasks", parent=queue, page_token=of_tasks) == BAD_TOKEN
    assert clocked.get(task).name == task


@pytest.mark.parametrize("end", ["delete_task", "purge_queue"])
def test_the_name_of_a_task_is_free_again_after_a_day(clocked: Api, clock: ManualClock, end: str) -> None:
    """CT-130, CT-135."""
    queue = clocked.queue().name
    name = clocked.task(queue, name=f"{queue}/tasks/t").name
    clocked.call(end, name=name if end == "delete_task" else queue)
    clock.advance(timedelta(hours=24) - A_MOMENT)
    assert clocked.refusal("get_task", name=name) == GONE
    assert clocked.no_task(queue, name=name) == TOO_RECENT
    clock.advance(A_MOMENT)
    assert clocked.refusal("get_task", name=name) == NEVER
    assert clocked.task(queue, name=name).name == name
    assert clocked.no_task(queue, name=name) == EXISTS


def test_the_name_of_a_queue_is_free_again_after_a_week(clocked: Api, clock: ManualClock) -> None:
    """CT-033."""
    queue = clocked.queue().name
    clocked.call("delete_queue", name=queue)
    clock.advance(timedelta(days=7) - A_MOMENT)
    refusal = clocked.refusal("create_queue", parent=clocked.parent, queue={"name": queue})
    assert refusal.kind is FailedPrecondition
    clock.advance(A_MOMENT)
    assert clocked.queue().name == queue


def test_a_schedule_may_be_thirty_days_ahead_to_the_microsecond(clocked: Api, clock: ManualClock) -> None:
    """CT-099, CT-115, CT-116."""
    queue = clocked.queue().name
    clock.advance(timedelta(microseconds=123_456))
    furthest = clock.now() + timedelta(days=30)
    task = clocked.task(queue, schedule_time=furthest)
    assert task.schedule_time == furthest
    assert task.create_time == clock.now().replace(microsecond=0)
    assert clocked.no_task(queue, schedule_time=furthest + A_MOMENT).message.startswith("The Task.scheduleTime, ")
    assert clocked.task(queue, schedule_time=clock.now() - A_MOMENT).schedule_time == clock.now()


def test_a_page_of_tasks_has_a_thousand_at_most(clocked: Api) -> None:
    """CT-138."""
    queue = clocked.queue().name
    for _ in range(1001):
        clocked.task(queue)
    for size in (0, 1001, 2**31 - 1):
        page = clocked.call("list_tasks", parent=queue, page_size=size)
        rest = clocked.call("list_tasks", parent=queue, page_size=size, page_token=page.next_page_token)
        assert (len(page.tasks), len(rest.tasks)) == (1000, 1)


def test_a_page_of_queues_has_9800_at_most(clocked: Api) -> None:
    """CT-053."""
    for number in range(9801):
        clocked.queue(f"q{number}")
    for size in (0, 9801, 2**31 - 1):
        page = clocked.call("list_queues", parent=clocked.parent, page_size=size)
        rest = clocked.call("list_queues", parent=clocked.parent, page_size=size, page_token=page.next_page_token)
        assert (len(page.queues), len(rest.queues)) == (9800, 1)


IDS = st.from_regex(r"[A-Za-z0-9_-]{1,500}", fullmatch=True) | st.integers(0, 2**64).map(str)


@given(st.lists(IDS, min_size=1, max_size=3, unique=True))
def test_any_id_names_one_task_until_it_is_gone(ids: list[str]) -> None:
    """CT-022, CT-128, CT-129, CT-135, CT-136: those of digits like any other."""
    api = _api(ManualClock())
    queue = api.queue().name
    api.task(queue)
    names = [f"{queue}/tasks/{one}" for one in ids]
    for name in names:
        assert api.refusal("get_task", name=name) == NEVER
        assert api.task(queue, name=name).name == name
        assert api.no_task(queue, name=name) == EXISTS
    for name in names:
        assert api.get(name).name == name
        api.call("delete_task", name=name)
        assert api.refusal("get_task", name=name) == GONE
        assert api.no_task(queue, name=name) == TOO_RECENT
