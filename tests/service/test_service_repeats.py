"""Names of tasks used again (section 11 of the contract)."""

from datetime import timedelta

import pytest
from google.api_core.exceptions import AlreadyExists, NotFound

from gcptasks.base.events import AttemptFailed
from service.service_world import Api, Place, Refusal

EXISTS = Refusal(AlreadyExists, "Requested entity already exists")
TOO_RECENT = Refusal(
    AlreadyExists,
    "The task cannot be created because a task with this name existed too recently. For more information about task "
    "de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create"
    "#body.request_body.FIELDS.task.",
)
GONE = Refusal(
    NotFound,
    "The task no longer exists, though a task with this name existed recently. "
    "The task either successfully completed or was deleted.",
)
NEVER = Refusal(NotFound, "Requested entity was not found.")

NAMES = pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])


def _name(queue: str, named: bool) -> str:
    return f"{queue}/tasks/t" if named else ""


@NAMES
def test_the_name_of_a_waiting_task_is_taken(api: Api, named: bool) -> None:
    """CT-128, CT-259."""
    queue = api.paused()
    task = api.task(queue, name=_name(queue, named)).name
    assert api.no_task(queue, name=task, url="http://another.test/") == EXISTS
    assert api.get(task).http_request.url == "http://worker.test/"


@NAMES
def test_the_name_of_a_finished_task_is_blocked(api: Api, place: Place, named: bool) -> None:
    """CT-129, CT-136, CT-141."""
    queue = api.queue().name
    task = api.task(queue, url=place.url, name=_name(queue, named)).name
    api.finished(task)
    assert api.refusal("get_task", name=task) == GONE
    assert api.no_task(queue, name=task) == TOO_RECENT
    assert list(api.call("list_tasks", parent=queue).tasks) == []


@NAMES
def test_the_name_of_a_deleted_task_is_blocked(api: Api, named: bool) -> None:
    """CT-129, CT-136, CT-142."""
    queue = api.paused()
    task = api.task(queue, name=_name(queue, named)).name
    assert api.call("delete_task", name=task) is None
    assert api.refusal("get_task", name=task) == GONE
    assert api.no_task(queue, name=task) == TOO_RECENT


@NAMES
def test_the_name_of_a_task_that_was_given_up_is_blocked(api: Api, place: Place, named: bool) -> None:
    """CT-129, CT-133, CT-208."""
    place.answers(500)
    queue = api.queue(retry_config={"max_attempts": 1}).name
    task = api.task(queue, url=place.url, name=_name(queue, named)).name
    assert api.heard.wait(AttemptFailed, task).next_at is None
    assert api.refusal("get_task", name=task) == GONE
    assert api.no_task(queue, name=task) == TOO_RECENT


def test_unnamed_tasks_are_never_repeats(api: Api) -> None:
    """CT-113, CT-131."""
    queue = api.paused()
    ids = {api.task(queue).name.removeprefix(f"{queue}/tasks/") for _ in range(20)}
    assert len(ids) == 20
    assert all(one.isdecimal() and len(one) <= 20 for one in ids)


@NAMES
@pytest.mark.parametrize("gone", [False, True], ids=["waiting", "gone"])
def test_the_same_id_in_another_queue_is_free(api: Api, named: bool, gone: bool) -> None:
    """CT-132, CT-135."""
    queue, other = api.paused(), api.paused("other")
    task = api.task(queue, name=_name(queue, named)).name
    if gone:
        api.call("delete_task", name=task)
    same = task.replace(queue, other)
    assert api.refusal("get_task", name=same) == NEVER
    assert api.task(other, name=same).name == same
    assert api.get(same).name == same
    # The first one's name is what it was.
    assert api.refusal("create_task", parent=queue, task={"name": task, "http_request": {"url": "http://a.b/"}}) == (
        TOO_RECENT if gone else EXISTS
    )


def test_an_id_like_those_the_service_makes_is_free(api: Api) -> None:
    """CT-135: nothing but what was made is taken for made."""
    queue = api.paused()
    api.task(queue)
    for task_id in ("0", "1", "12345678901234567890"):
        name = f"{queue}/tasks/{task_id}"
        assert api.refusal("get_task", name=name) == NEVER
        assert api.task(queue, name=name).name == name


def test_a_refused_task_blocks_no_name(api: Api) -> None:
    queue = api.paused()
    name = f"{queue}/tasks/t"
    api.no_task(queue, name=name, dispatch_deadline=timedelta(seconds=1))
    assert api.refusal("get_task", name=name) == NEVER
    assert api.task(queue, name=name).name == name
