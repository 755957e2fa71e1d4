"""Names that are used again at once, where the operator says so (CT-L6)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import AlreadyExists

from fastapi_gcp_tasks import LocalService
from gcptasks.server.settings import PortSettings
from service.service_world import Api, Place, Refusal, over_grpc

PARENT = "projects/p/locations/l"
EXISTS = Refusal(AlreadyExists, "Requested entity already exists")


@pytest.fixture
def reusing(tmp_path: Path) -> Iterator[Api]:
    """A service with that setting."""
    with over_grpc(PortSettings(port=0, database=str(tmp_path / "tasks.db"), reuse_names=True)) as way:
        yield Api(*way, PARENT)


def test_the_name_of_a_deleted_queue_is_free_at_once(reusing: Api) -> None:
    """CT-L6."""
    queue = reusing.paused()
    old = reusing.task(queue, name=f"{queue}/tasks/old").name
    reusing.call("delete_queue", name=queue)
    assert reusing.queue().name == queue
    assert reusing.call("list_tasks", parent=queue).tasks == []
    reusing.call("pause_queue", name=queue)
    assert reusing.task(queue, name=old).name == old
    reusing.call("delete_queue", name=queue)
    assert reusing.call("update_queue", queue={"name": queue}).name == queue
    refusal = reusing.refusal("create_queue", parent=PARENT, queue={"name": queue})
    assert refusal == Refusal(AlreadyExists, "Queue already exists")


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_the_name_of_a_task_is_free_once_it_is_gone(reusing: Api, place: Place, named: bool) -> None:
    """CT-L6."""
    queue = reusing.paused()
    first = reusing.task(queue, name=f"{queue}/tasks/t" if named else "").name
    for gone in ("delete_task", "purge_queue"):
        assert reusing.no_task(queue, name=first) == EXISTS
        reusing.call(gone, name=first if gone == "delete_task" else queue)
        assert reusing.refusal("get_task", name=first).message.startswith("The task no longer exists")
        assert reusing.task(queue, name=first).name == first
        assert reusing.get(first).name == first
    reusing.call("delete_task", name=first)
    reusing.call("resume_queue", name=queue)
    for count in (1, 2):
        assert reusing.task(queue, name=first, url=place.url).name == first
        assert place.received().header("X-CloudTasks-TaskName") == first.rpartition("/")[2]
        reusing.heard.nth(count, lambda event: type(event).__name__ == "AttemptSucceeded")


def test_a_task_makes_a_deleted_queue_again_where_queues_are_made() -> None:
    """CT-L6, CT-L16."""
    client = LocalService("memory:", app_url="http://app.local", reuse_names=True).tasks_client()
    queue = f"{PARENT}/queues/q"
    task = {"name": f"{queue}/tasks/t", "http_request": {"url": "http://app.local/"}}
    for _ in range(2):
        assert client.create_task(request={"parent": queue, "task": task}).name == task["name"]
        client.delete_queue(name=queue)
