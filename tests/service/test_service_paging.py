"""Lists and their pages (sections 4 and 12 of the contract)."""

import tracemalloc
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.tasks_v2 import Task

from gcptasks.wire import paging
from service.service_world import Api, Refusal
from service.test_service_queue_calls import NO_QUEUE

BAD_TOKEN = Refusal(InvalidArgument, "Invalid page_token")


def _queues(api: Api, **page: Any) -> tuple[list[str], str]:
    answer = api.call("list_queues", parent=api.parent, **page)
    return [queue.name for queue in answer.queues], answer.next_page_token


def _tasks(api: Api, queue: str, **page: Any) -> tuple[list[str], str]:
    answer = api.call("list_tasks", parent=queue, **page)
    return [task.name for task in answer.tasks], answer.next_page_token


def test_queues_are_listed_by_name_in_pages_of_which_the_last_is_empty(api: Api) -> None:
    """CT-052, CT-054."""
    names = [api.queue(queue).name for queue in ("b", "a-1", "a", "B")]
    first, token = _queues(api, page_size=3)
    assert (first, bool(token)) == (sorted(names)[:3], True)
    second, token = _queues(api, page_size=3, page_token=token)
    assert (second, bool(token)) == (sorted(names)[3:], True)
    assert _queues(api, page_size=3, page_token=token) == ([], "")


def test_tasks_are_listed_in_pages_of_which_the_last_is_empty(api: Api) -> None:
    """CT-054, CT-138."""
    queue = api.paused()
    names = {api.task(queue, name=name).name for name in ("", f"{queue}/tasks/a", "")}
    first, token = _tasks(api, queue, page_size=2)
    assert (len(first), bool(token)) == (2, True)
    second, token = _tasks(api, queue, page_size=2, page_token=token)
    assert (len(second), bool(token)) == (1, True)
    assert _tasks(api, queue, page_size=2, page_token=token) == ([], "")
    assert {*first, *second} == names


def test_a_page_of_whole_tasks_has_as_many_as_a_client_takes(api: Api) -> None:
    """CT-138, CT-L18."""
    queue = api.paused()
    bodies = [bytes([number]) * 900_000 for number in range(6)]
    for body in bodies:
        api.task(queue, http={"body": body})
    found: list[bytes] = []
    token = ""
    while True:
        page = api.call("list_tasks", parent=queue, response_view=Task.View.FULL, page_token=token)
        assert len(page.tasks) <= 2
        found += [task.http_request.body for task in page.tasks]
        token = page.next_page_token
        if not token:
            break
    assert sorted(found) == bodies


def test_a_page_without_bodies_is_not_shorter_for_them(api: Api) -> None:
    """CT-138."""
    queue = api.paused()
    for _ in range(6):
        api.task(queue, http={"body": b"x" * 900_000})
    tracemalloc.start()
    try:
        assert len(_tasks(api, queue)[0]) == 6
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 900_000, "no body is read"


def test_one_item_on_a_page_of_any_size_has_a_token(api: Api) -> None:
    """CT-054."""
    queue = api.paused()
    task = api.task(queue).name
    names, token = _queues(api)
    assert (names, bool(token)) == ([queue], True)
    names, token = _tasks(api, queue)
    assert (names, bool(token)) == ([task], True)


def test_a_list_of_nothing_is_empty_and_has_no_token(api: Api) -> None:
    """CT-054, CT-058."""
    assert _queues(api) == ([], "")
    assert _tasks(api, api.queue().name) == ([], "")


def test_a_list_has_its_own_location_and_queue_alone(api: Api) -> None:
    """CT-052, CT-270: paused queues too."""
    queue = api.paused()
    task = api.task(queue).name
    api.task(api.paused("other"))
    longer = f"{api.parent}-x"
    api.call("create_queue", parent=longer, queue={"name": f"{longer}/queues/q"})
    assert _queues(api)[0] == [api.name("other"), queue]
    assert _tasks(api, queue)[0] == [task]


def test_a_page_size_is_not_negative(api: Api) -> None:
    """CT-053, CT-138, CT-259."""
    queue = api.queue().name
    assert api.refusal("list_queues", parent=api.parent, page_size=-1) == Refusal(
        InvalidArgument, "ListQueuesRequest.pageSize cannot be negative."
    )
    assert api.refusal("list_tasks", parent=queue, page_size=-1) == Refusal(
        InvalidArgument, "ListTasksRequest.pageSize cannot be negative."
    )


@pytest.mark.parametrize("token", ["garbage", "ü", "AAAA", urlsafe_b64encode(b"queues\nx\n0\nsx").decode()])
def test_a_token_that_is_none_is_refused(api: Api, token: str) -> None:
    """CT-057, CT-138, CT-259."""
    assert api.refusal("list_queues", parent=api.parent, page_token=token) == BAD_TOKEN
    assert api.refusal("list_tasks", parent=api.queue().name, page_token=token) == BAD_TOKEN


@pytest.mark.parametrize(
    "cursor", [1, 2**63 - 1, "", "1", "x,y", "1,2,3", "1, 2", f"1,{2**63}", f"{-(2**63)},1", "٣,1"]
)
def test_a_token_that_only_looks_like_one_is_refused(api: Api, cursor: str | int) -> None:
    """CT-057."""
    queue = api.queue().name
    forged = paging.token("tasks", queue, cursor, datetime.now(UTC))
    assert api.refusal("list_tasks", parent=queue, page_token=forged) == BAD_TOKEN


def test_a_token_of_another_list_is_refused(api: Api) -> None:
    """CT-057."""
    queue, other = api.paused(), api.paused("other")
    api.task(queue)
    of_queues, of_tasks = _queues(api)[1], _tasks(api, queue)[1]
    assert api.refusal("list_queues", parent=f"{api.parent}-x", page_token=of_queues) == BAD_TOKEN
    assert api.refusal("list_queues", parent=api.parent, page_token=of_tasks) == BAD_TOKEN
    assert api.refusal("list_tasks", parent=other, page_token=of_tasks) == BAD_TOKEN
    assert api.refusal("list_tasks", parent=queue, page_token=of_queues) == BAD_TOKEN


def test_a_token_stays_good_while_the_list_changes(api: Api) -> None:
    queue = api.paused()
    names = [api.task(queue).name for _ in range(4)]
    first, token = _tasks(api, queue, page_size=2)
    for name in first:
        api.call("delete_task", name=name)
    new = api.task(queue).name
    assert {*_tasks(api, queue, page_token=token)[0]} == {*names, new} - {*first}


def test_the_tasks_of_a_queue_that_is_not_there_cannot_be_listed(api: Api) -> None:
    """CT-140."""
    assert api.refusal("list_tasks", parent=api.name()) == NO_QUEUE


@pytest.mark.parametrize(
    ("view", "shown", "body"),
    [(0, "BASIC", b""), (1, "BASIC", b""), (2, "FULL", b"body"), (99, "BASIC", b"")],
    ids=["CT-137 unset", "CT-125 basic", "CT-125 full", "CT-293 unknown"],
)
def test_a_list_shows_tasks_in_the_view_asked_for(api: Api, view: int, shown: str, body: bytes) -> None:
    queue = api.paused()
    api.task(queue, http={"body": b"body", "headers": {"X-A": "b"}})
    (task,) = api.call("list_tasks", parent=queue, response_view=view).tasks
    assert (task.view, task.http_request.body) == (Task.View[shown], body)
    assert task.http_request.headers["X-A"] == "b"
