"""Names of queues and tasks, and how wrong ones are refused (section 2 of the contract)."""

from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument, NotFound
from google.rpc.error_details_pb2 import Help

from service.service_world import Api, Refusal

_REFERENCE = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"
_QUEUE_NAME = 'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
_TASK_NAME = (
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>".'
)


def _help(description: str, page: str) -> Help:
    return Help(links=[Help.Link(description=description, url=f"{_REFERENCE}{page}.FIELDS.name")])


BAD_QUEUE_NAME = Refusal(InvalidArgument, _QUEUE_NAME, [_help("Definition of queue name", "#Queue")])
BAD_TASK_NAME = Refusal(InvalidArgument, _TASK_NAME, [_help("Definition of task name", ".tasks#Task")])


def bad_queue_id(queue: str) -> Refusal:
    message = (
        f'Queue ID "{queue}" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-). '
        "Queue ID must be between 1 and 100 characters."
    )
    return Refusal(InvalidArgument, message, [_help("Definition of queue ID", "#Queue")])


def bad_task_id(task: str) -> Refusal:
    message = (
        f'Task ID "{task}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). '
        "Task ID must between 1 and 500 characters."
    )
    return Refusal(InvalidArgument, message, [_help("Definition of task ID", ".tasks#Task")])


HTTP = {"url": "http://worker.test/"}
QUEUE_CALLS = ["get_queue", "delete_queue", "pause_queue", "resume_queue", "purge_queue"]
TASK_CALLS = ["get_task", "delete_task", "run_task"]


def naming_queue(method: str, name: str) -> dict[str, Any]:
    """A request of that method which names the queue."""
    if method == "create_task":
        return {"parent": name, "task": {"http_request": HTTP}}
    return {"parent" if method == "list_tasks" else "name": name}


@pytest.mark.parametrize(
    "queue",
    [None, {}, {"name": "q"}, {"name": "projects/p/locations/l/queues"}, {"name": "projects/p/locations/l/queues/q/x"}],
)
def test_a_new_queue_needs_a_name_of_the_shape(api: Api, queue: dict[str, str] | None) -> None:
    """CT-023."""
    request = {} if queue is None else {"queue": queue}
    assert api.refusal("create_queue", parent="projects/p/locations/l", **request) == BAD_QUEUE_NAME


def test_a_new_queue_lies_under_its_parent(api: Api) -> None:
    """CT-024, CT-259."""
    name = "projects/other/locations/l/queues/q"
    assert api.refusal("create_queue", parent=api.parent, queue={"name": name}) == Refusal(
        InvalidArgument, f"{name} must begin with {api.parent}."
    )


@pytest.mark.parametrize("method", [*QUEUE_CALLS, "create_task", "list_tasks"])
@pytest.mark.parametrize("queue", ["bad_queue", "ü", "a" * 101, "with space", ""])
def test_a_wrong_queue_id_is_told_in_every_call(api: Api, method: str, queue: str) -> None:
    """CT-021, CT-028, CT-029."""
    assert api.refusal(method, **naming_queue(method, api.name(queue))) == bad_queue_id(queue)


def test_a_wrong_queue_id_is_told_by_create_queue_and_in_task_names(api: Api) -> None:
    """CT-028."""
    wrong = api.name("bad_queue")
    assert api.refusal("create_queue", parent=api.parent, queue={"name": wrong}) == bad_queue_id("bad_queue")
    for method in TASK_CALLS:
        assert api.refusal(method, name=f"{wrong}/tasks/t") == bad_queue_id("bad_queue")


@pytest.mark.parametrize("queue", ["a", "a" * 100, "A-0-z", "0"])
def test_queue_ids_have_up_to_100_letters_digits_and_hyphens(api: Api, queue: str) -> None:
    """CT-021."""
    assert api.queue(queue).name == api.name(queue)


def test_projects_may_have_colons_and_periods(api: Api) -> None:
    """CT-021, CT-050, CT-L3: and need not be enabled."""
    parent = f"{api.parent.replace('projects/', 'projects/example.com:')}"
    name = f"{parent}/queues/q"
    assert api.call("create_queue", parent=parent, queue={"name": name}).name == name


@pytest.mark.parametrize("task", ["bad id", "ü", "a.b", "a" * 501, ""])
def test_a_wrong_task_id_is_told_in_every_call(api: Api, task: str) -> None:
    """CT-022, CT-026."""
    queue = api.queue().name
    name = f"{queue}/tasks/{task}"
    assert api.no_task(queue, name=name) == bad_task_id(task)
    for method in TASK_CALLS:
        assert api.refusal(method, name=name) == bad_task_id(task)


@pytest.mark.parametrize("task", ["a", "_", "a" * 500, "A_0-z"])
def test_task_ids_have_up_to_500_letters_digits_hyphens_and_underscores(api: Api, task: str) -> None:
    """CT-022, CT-029."""
    queue = api.paused()
    name = f"{queue}/tasks/{task}"
    assert api.task(queue, name=name).name == name
    assert api.get(name).name == name


@pytest.mark.parametrize(
    "name",
    [
        "t",
        "projects/p/locations/l/queues/q/tasks",
        "projects/p/locations/l/tasks/t",
        "projects/p/locations/l/queues/q/tasks/t/extra",
        "projects/a b/locations/l/queues/q/tasks/t",
    ],
)
def test_a_new_task_needs_a_name_of_the_shape(api: Api, name: str) -> None:
    """CT-258."""
    assert api.no_task(api.queue().name, name=name) == BAD_TASK_NAME


def test_a_task_is_named_in_the_queue_it_is_made_in(api: Api) -> None:
    """CT-027, CT-259."""
    queue, other = api.queue().name, api.queue("other").name
    assert api.no_task(queue, name=f"{other}/tasks/t") == Refusal(
        InvalidArgument,
        f"The queue name from request ('{queue}') must be the same as the queue name in the named task ('{other}').",
    )


def test_what_callers_read_of_an_error_is_the_same_every_way(api: Api) -> None:
    """The text with its code, and gRPC's own code."""
    error = api.refused("get_task", name=f"{api.name()}/tasks/t")
    assert isinstance(error, NotFound)
    assert str(error) == "404 Requested entity was not found."
    assert error.code == 404
    assert error.grpc_status_code is not None
    assert error.grpc_status_code.value == (5, "not found")
