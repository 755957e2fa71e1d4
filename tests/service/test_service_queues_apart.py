"""What is done to one queue is not done to another."""

import pytest

from service.service_world import Api
from service.test_service_repeats import GONE, TOO_RECENT


@pytest.mark.parametrize("method", ["delete_queue", "purge_queue"])
def test_a_queue_that_is_deleted_or_purged_takes_nothing_from_another(api: Api, method: str) -> None:
    one, other = api.paused("one"), api.paused("other")
    api.task(one)
    waiting = api.task(other).name
    deleted = api.task(other, name=f"{other}/tasks/deleted").name
    api.call("delete_task", name=deleted)
    api.call(method, name=one)
    assert [task.name for task in api.call("list_tasks", parent=other).tasks] == [waiting]
    assert api.refusal("get_task", name=deleted) == GONE
    assert api.no_task(other, name=deleted) == TOO_RECENT
