"""BatchCreateTasks and the operations that it leaves: section 14 of the contract."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument, NotFound
from google.cloud.tasks_v2 import BatchCreateTasksMetadata, BatchCreateTasksResponse
from google.longrunning.operations_pb2 import GetOperationRequest
from google.rpc.error_details_pb2 import Help

from service.service_world import Api, Refusal, Worker

State = BatchCreateTasksMetadata.State
HTTP = {"url": "http://worker.test/"}


def request(parent: str, task: str | None = None, **fields: Any) -> dict[str, Any]:
    """The request for one task, of that id if it is given."""
    name = {} if task is None else {"name": f"{parent}/tasks/{task}"}
    return {"parent": parent, "task": {"http_request": HTTP, **name, **fields}}


def batch(api: Api, parent: str, *requests: dict[str, Any], **fields: Any) -> Any:
    """The operation that Google's client returns."""
    return api.call("batch_create_tasks", parent=parent, requests=list(requests), **fields)


def failures(operation: Any) -> dict[int, tuple[int, str]]:
    return {number: (status.code, status.message) for number, status in operation.metadata.failed_requests.items()}


def test_the_operation_is_done_in_the_reply_with_the_tasks_in_order(api: Api) -> None:
    """CT-157, CT-298."""
    parent = api.paused()
    full = {**request(parent, "b", http_request={**HTTP, "body": b"hi"}), "response_view": 2}
    operation = batch(api, parent, request(parent, "a"), full, request(parent))
    assert operation.operation.done
    assert operation.metadata.state == State.SUCCEEDED
    assert failures(operation) == {}
    assert operation.metadata.start_time <= operation.metadata.end_time
    response = BatchCreateTasksResponse.deserialize(operation.operation.response.value)
    assert [task.name.rpartition("/")[2] for task in response.tasks][:2] == ["a", "b"]
    assert [task.http_request.body for task in response.tasks] == [b"", b"hi", b""]
    assert {task.name for task in api.call("list_tasks", parent=parent).tasks} == {task.name for task in response.tasks}


def test_its_tasks_are_delivered(api: Api, worker: Worker) -> None:
    place = worker.place()
    parent = api.queue().name
    batch(api, parent, *[request(parent, http_request={"url": place.url}) for _ in range(3)])
    assert [place.received().method for _ in range(3)] == ["POST"] * 3


def test_a_batch_has_up_to_100_tasks(api: Api) -> None:
    """CT-156."""
    parent = api.paused()
    for size in (1, 100):
        operation = batch(api, parent, *[request(parent)] * size)
        assert len(BatchCreateTasksResponse.deserialize(operation.operation.response.value).tasks) == size
    assert len(api.call("list_tasks", parent=parent).tasks) == 101


def test_some_may_fail_and_the_others_are_made(api: Api) -> None:
    """CT-298, CT-310, CT-310a, CT-310b, CT-310c, CT-310d, CT-310e, CT-310f, CT-310g, CT-310h."""
    parent = api.paused()
    api.task(parent, name=f"{parent}/tasks/there")
    gone = api.task(parent, name=f"{parent}/tasks/gone").name
    api.call("delete_task", name=gone)
    bad: list[tuple[dict[str, Any], int, str]] = [
        ({"parent": parent}, 3, "Payload type must be set."),
        ({"parent": parent, "task": {"dispatch_deadline": timedelta(seconds=60)}}, 3, "Payload type must be set."),
        (
            request(parent, http_request={"url": "ftp://a"}),
            3,
            "HttpTarget.url must start with 'http://' or 'https://'.",
        ),
        (
            request(parent, http_request={**HTTP, "http_method": 2, "body": b"a"}),
            3,
            "Body can only be set if the http_method is POST, PUT, or PATCH.",
        ),
        (
            request(parent, dispatch_deadline=timedelta(seconds=14)),
            3,
            "Task.dispatchDeadline must be between [15s, 30m].",
        ),
        (
            request(parent, schedule_time=datetime(2100, 1, 1, tzinfo=UTC)),
            3,
            "The Task.scheduleTime, 2099-12-31T16:00:00-08:00, is too far in the future. "
            "Schedule time must be no more than 720h in the future.",
        ),
        (
            request(parent, http_request={**HTTP, "oauth_token": {"service_account_email": "a@p.example"}}),
            3,
            'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"',
        ),
        (request(parent, "there"), 6, "Requested entity already exists"),
    ]
    operation = batch(api, parent, request(parent, "good"), *[one for one, _, _ in bad], request(parent, "gone"))
    assert operation.metadata.state == State.PARTIALLY_SUCCEEDED
    seen = failures(operation)
    code, text = seen.pop(len(bad) + 1)
    assert (code, "existed too recently" in text) == (6, True)
    assert seen == {number: (code, text) for number, (_, code, text) in enumerate(bad, start=1)}
    response = BatchCreateTasksResponse.deserialize(operation.operation.response.value)
    assert [task.name for task in response.tasks] == [f"{parent}/tasks/good"]


def test_if_all_fail_there_is_no_result_at_all(api: Api) -> None:
    """CT-160, CT-308."""
    parent = api.name("unknown")
    operation = batch(api, parent, request(parent, "a"), request(parent, "b"))
    assert operation.metadata.state == State.FAILED
    assert {code for code, _ in failures(operation).values()} == {5}
    assert (operation.operation.done, operation.operation.WhichOneof("result")) == (True, None)


def test_a_batch_that_is_no_batch_is_refused_whole(api: Api) -> None:
    """CT-309, CT-309a, CT-309b, CT-309c, CT-309d, CT-309e, CT-309f."""
    parent, other = api.paused(), api.paused("other")
    foreign = f"{other}/tasks/a"
    good = request(parent, "good")
    refused: list[tuple[list[dict[str, Any]], str]] = [
        ([], "Request must contain at least one task."),
        (
            [request(parent)] * 101,
            "A maximum of 100 tasks can be created in a single batch, but got 101 tasks.",
        ),
        (
            [good, request(other)],
            f"All tasks in a batch request must target the same queue. Found task for queue {other} in batch request "
            f"for queue {parent}.",
        ),
        (
            [good, {"task": {"http_request": HTTP}}],
            "All tasks in a batch request must target the same queue. Found task for queue  in batch request for "
            f"queue {parent}.",
        ),
        ([good, good], f"Duplicate task name in the batch request: {parent}/tasks/good"),
        (
            [good, {"parent": parent, "task": {"http_request": HTTP, "name": foreign}}],
            f"The queue name from request ('{parent}') must be the same as the queue name in the named task "
            f"('{other}').",
        ),
    ]
    for requests, message in refused:
        refusal = api.refusal("batch_create_tasks", parent=parent, requests=requests)
        assert refusal == Refusal(InvalidArgument, message)
    bad_id = api.refusal("batch_create_tasks", parent=parent, requests=[good, request(parent, "a.b")])
    assert bad_id.message.startswith('Task ID "a.b" can contain only letters')
    assert isinstance(bad_id.details[0], Help)
    assert list(api.call("list_tasks", parent=parent).tasks) == []


def test_an_operation_can_be_read_again_and_its_id_is_taken(api: Api) -> None:
    """CT-158, CT-329."""
    parent = api.paused()
    operation = batch(api, parent, request(parent, "a"), request_id="mine")
    name = f"{api.parent}/operations/mine"
    assert operation.operation.name == name
    assert api.client.get_operation(request=GetOperationRequest(name=name)) == operation.operation
    refusal = api.refusal("batch_create_tasks", parent=parent, requests=[request(parent, "b")], request_id="mine")
    assert refusal == Refusal(InvalidArgument, "Duplicate operation id in the batch request: mine")
    assert [task.name for task in api.call("list_tasks", parent=parent).tasks] == [f"{parent}/tasks/a"]
    made = batch(api, parent, request(parent, "b")).operation.name
    assert made.startswith(f"{api.parent}/operations/")
    assert made != name


def test_an_operation_that_nobody_made_is_not_found(api: Api) -> None:
    """CT-329."""
    with pytest.raises(NotFound, match=r"Requested entity was not found\."):
        api.client.get_operation(request=GetOperationRequest(name=f"{api.parent}/operations/none"))
