"""Attempts that end with the service: whether their tasks are delivered again is for the queue's retries to say."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from google.cloud.tasks_v2 import CloudTasksClient, HttpRequest, Queue, RetryConfig, Task

from fastapi_gcp_tasks import LocalService
from server.server_apps import URL, Done

PARENT = "projects/p/locations/l"
QUEUE = f"{PARENT}/queues/q"


class Hanging:
    """An app whose tasks do not end, and the service in it."""

    def __init__(self, tmp_path: Path) -> None:
        self.begun = Done()
        self.app = FastAPI()
        self.local = LocalService(f"sqlite:///{tmp_path}/tasks.db", app_url=URL, grace=0)

        @self.app.post("/{name}")
        async def hang(name: str) -> None:
            self.begun.append(name)
            await asyncio.Event().wait()

    def client(self, attempts: int) -> CloudTasksClient:
        """A client; the queue is there, and makes so many attempts."""
        client = self.local.tasks_client()
        retries = RetryConfig(max_attempts=attempts, min_backoff=timedelta(milliseconds=1))
        client.create_queue(parent=PARENT, queue=Queue(name=QUEUE, retry_config=retries))
        return client

    def create(self, client: CloudTasksClient, name: str) -> None:
        task = Task(name=f"{QUEUE}/tasks/{name}", http_request=HttpRequest(url=f"{URL}/{name}"))
        client.create_task(parent=QUEUE, task=task)

    async def cut_off(self, count: int) -> None:
        """Deliver until so many attempts have begun, and stop while they run."""
        async with self.local.running(self.app):
            await self.begun.reach(count)


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("created_while_running", [True, False])
async def test_a_task_whose_last_attempt_was_cut_off_is_given_up(
    tmp_path: Path, attempts: int, created_while_running: bool, caplog: pytest.LogCaptureFixture
) -> None:
    hanging = Hanging(tmp_path)
    client = hanging.client(attempts)
    if created_while_running:
        async with hanging.local.running(hanging.app):
            hanging.create(client, "a")
            await hanging.begun.reach(1)
    else:
        hanging.create(client, "a")
        await hanging.cut_off(1)
    for attempt in range(2, attempts + 1):
        assert [task.dispatch_count for task in client.list_tasks(parent=QUEUE)] == [attempt - 1]
        await hanging.cut_off(attempt)
    async with hanging.local.running(hanging.app):
        hanging.create(client, "b")
        await hanging.begun.until(lambda: hanging.begun[-1] == "b")
        assert [task.name.rsplit("/")[-1] for task in client.list_tasks(parent=QUEUE)] == ["b"]
    assert hanging.begun == ["a"] * attempts + ["b"]
    assert f"attempt {attempts} failed: the service ended while it ran; given up" in caplog.text


async def test_a_task_that_waits_for_its_last_attempt_is_delivered_after_a_restart(tmp_path: Path) -> None:
    """It has had as many attempts as the queue now allows, but they were answered."""
    hanging, failing = Hanging(tmp_path), FastAPI()
    client = hanging.client(attempts=2)

    @failing.post("/{name}", status_code=400)
    async def fail(name: str) -> None:
        client.pause_queue(name=QUEUE)

    hanging.create(client, "a")
    async with hanging.local.running(failing):
        await hanging.begun.until(lambda: client.get_task(name=f"{QUEUE}/tasks/a").response_count == 1)
    client.update_queue(queue=Queue(name=QUEUE, retry_config=RetryConfig(max_attempts=1)))
    client.resume_queue(name=QUEUE)
    await hanging.cut_off(1)
    assert hanging.begun == ["a"]
