"""BatchDeleteTasks: section 14 of the contract."""

from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.tasks_v2 import BatchDeleteTasksMetadata
from google.longrunning.operations_pb2 import GetOperationRequest
from google.protobuf.empty_pb2 import Empty

from service.service_world import Api, Refusal
from service.test_service_batches import batch, failures, request
from service.test_service_names import bad_queue_id, bad_task_id

State = BatchDeleteTasksMetadata.State
NOT_FOUND = (5, "Requested entity was not found.")
NONE_SUCCEEDED = (
    "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests for individual error details"
)
SHAPE = (
    'Invalid task name: Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>'
    '/tasks/<TASK_ID>".'
)


def delete(api: Api, parent: str, *names: str, **fields: Any) -> Any:
    """The operation that Google's client returns."""
    return api.call("batch_delete_tasks", parent=parent, names=list(names), **fields)


def left(api: Api, parent: str) -> set[str]:
    return {task.name for task in api.call("list_tasks", parent=parent).tasks}


@pytest.fixture
def parent(api: Api) -> str:
    return api.paused()


def is_empty(operation: Any) -> bool:
    """Whether it is done with an empty response."""
    done = operation.operation
    return bool(done.done and done.WhichOneof("result") == "response" and done.response.Is(Empty.DESCRIPTOR))


def test_the_tasks_are_gone_and_the_operation_is_done_in_the_reply(api: Api, parent: str) -> None:
    """CT-159."""
    named, unnamed, stays = api.task(parent, name=f"{parent}/tasks/a"), api.task(parent), api.task(parent)
    operation = delete(api, parent, named.name, unnamed.name)
    assert is_empty(operation)
    assert (operation.metadata.state, failures(operation)) == (State.SUCCEEDED, {})
    assert operation.metadata.start_time <= operation.metadata.end_time
    assert left(api, parent) == {stays.name}
    assert "existed recently" in api.refusal("get_task", name=named.name).message
    assert "existed too recently" in api.no_task(parent, name=named.name).message


def test_what_is_wrong_with_a_name_keeps_no_other_from_being_deleted(api: Api, parent: str) -> None:
    """CT-159, CT-310i, CT-310j, CT-310k, CT-310l."""
    other = api.paused("other")
    foreign, task = api.task(other).name, api.task(parent).name
    gone = api.task(parent, name=f"{parent}/tasks/gone").name
    api.call("delete_task", name=gone)
    elsewhere = (
        3,
        f"The queue name from request ('{parent}') must be the same as the queue name in the named task ('{other}').",
    )
    bad = {
        f"{parent}/tasks/never": NOT_FOUND,
        gone: NOT_FOUND,
        foreign: elsewhere,
        f"{parent}/tasks/a.b": (3, f"Invalid task name: {bad_task_id('a.b').message}"),
        f"{api.name('a_b')}/tasks/t": (3, f"Invalid task name: {bad_queue_id('a_b').message}"),
        "not-a-valid-name": (3, SHAPE),
        "": (3, SHAPE),
        f"{parent}/tasks": (3, SHAPE),
        f"{task}/extra": (3, SHAPE),
    }
    operation = delete(api, parent, *bad, task)
    assert is_empty(operation)
    assert operation.metadata.state == State.PARTIALLY_SUCCEEDED
    assert failures(operation) == dict(enumerate(bad.values()))
    assert (left(api, parent), left(api, other)) == (set(), {foreign})


def test_if_all_fail_the_operation_is_aborted(api: Api, parent: str) -> None:
    """CT-160, CT-310i."""
    operation = delete(api, parent, f"{parent}/tasks/never", f"{parent}/tasks/either")
    assert operation.metadata.state == State.PARTIALLY_SUCCEEDED
    assert failures(operation) == {0: NOT_FOUND, 1: NOT_FOUND}
    done = operation.operation
    assert (done.done, done.WhichOneof("result")) == (True, "error")
    assert (done.error.code, done.error.message, list(done.error.details)) == (10, NONE_SUCCEEDED, [])


def test_an_unknown_queue_is_told_name_by_name(api: Api) -> None:
    """CT-308."""
    unknown = api.name("unknown")
    operation = delete(api, unknown, f"{unknown}/tasks/a", f"{unknown}/tasks/b")
    assert failures(operation) == {0: NOT_FOUND, 1: NOT_FOUND}
    assert operation.operation.error.code == 10


def test_a_name_that_is_there_twice_is_deleted_once(api: Api, parent: str) -> None:
    """CT-310m."""
    task, missing = api.task(parent).name, f"{parent}/tasks/missing"
    assert failures(delete(api, parent, task, task)) == {}
    assert failures(delete(api, parent, missing, missing)) == {0: NOT_FOUND, 1: NOT_FOUND}


def test_a_batch_has_1_to_1000_names(api: Api, parent: str) -> None:
    """CT-159, CT-309h, CT-309i."""
    task = api.task(parent).name
    message = "A maximum of 1000 tasks can be handled in a batch, but 1001 were requested."
    assert api.refusal("batch_delete_tasks", parent=parent, names=[task] * 1001) == Refusal(InvalidArgument, message)
    message = "Request contains an invalid argument."
    assert api.refusal("batch_delete_tasks", parent=parent) == Refusal(InvalidArgument, message)
    assert left(api, parent) == {task}
    made = batch(api, parent, *[request(parent, f"t{number}") for number in range(100)])
    assert failures(made) == {}
    operation = delete(api, parent, *[f"{parent}/tasks/t{number}" for number in range(1000)])
    assert failures(operation) == dict.fromkeys(range(100, 1000), NOT_FOUND)
    assert left(api, parent) == {task}


def test_both_kinds_of_batches_share_their_ids(api: Api, parent: str) -> None:
    """CT-158, CT-250, CT-309j, CT-329."""
    task, stays = api.task(parent).name, api.task(parent).name
    operation = delete(api, parent, task, request_id="mine")
    assert operation.operation.name == f"{api.parent}/operations/mine"
    refusal = Refusal(InvalidArgument, "Duplicate operation id in the batch request: mine")
    requests: dict[str, dict[str, Any]] = {
        "batch_delete_tasks": {"names": [stays]},
        "batch_create_tasks": {"requests": [request(parent)]},
    }
    for method, fields in requests.items():
        assert api.refusal(method, parent=parent, request_id="mine", **fields) == refusal
    assert left(api, parent) == {stays}
    made = batch(api, parent, request(parent, "new"), request_id="yours")
    assert made.operation.name == f"{api.parent}/operations/yours"
    refusal = Refusal(InvalidArgument, "Duplicate operation id in the batch request: yours")
    assert api.refusal("batch_delete_tasks", parent=parent, names=[stays], request_id="yours") == refusal
    assert delete(api, parent, stays).operation.name.startswith(f"{api.parent}/operations/")
    found = api.client.get_operation(request=GetOperationRequest(name=f"{api.parent}/operations/mine"))
    assert found == operation.operation


def test_an_id_that_is_none_is_refused(api: Api, parent: str) -> None:
    task = api.task(parent).name
    for wrong in ("a b", "a/b", "x" * 501):
        refusal = api.refusal("batch_delete_tasks", parent=parent, names=[task], request_id=wrong)
        assert refusal == Refusal(InvalidArgument, "Request contains an invalid argument.")
    assert left(api, parent) == {task}
