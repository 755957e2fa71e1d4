"""The service is killed while a task is under way."""

from contextlib import closing
from pathlib import Path

import pytest

from crash.crash_service import QUEUE, Process
from service.service_world import working

pytestmark = pytest.mark.slow


def test_a_task_that_was_sent_before_the_service_was_killed_is_sent_again(tmp_path: Path) -> None:
    """CT-182: nobody knows whether its worker is done with it."""
    with working() as worker, closing(Process(tmp_path / "tasks.db")) as service:
        place = worker.place()
        place.gate.clear()
        client = service.client()
        client.create_queue(request={"parent": QUEUE.partition("/queues/")[0], "queue": {"name": QUEUE}})
        task = {"http_request": {"url": place.url, "body": b"hello"}}
        client.create_task(request={"parent": QUEUE, "task": task})
        before = place.received()
        service.kill()
        place.gate.set()
        service.start()
        after = place.received()
    assert before.body == after.body == b"hello"
    assert before.header("X-CloudTasks-TaskName") == after.header("X-CloudTasks-TaskName")
