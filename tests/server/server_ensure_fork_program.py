"""Forks while a thread is creating a queue; the child enqueues without it."""

import os
import signal
import threading
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud.tasks_v2 import CloudTasksClient, Task

from fastapi_gcp_tasks import DelayedRouter
from server.server_apps import QUEUE, URL


class Slow(CloudTasksClient):
    """A client whose first CreateQueue does not end before the fork."""

    def __init__(self) -> None:
        super().__init__(credentials=AnonymousCredentials())
        self.creating, self.forked = threading.Event(), threading.Event()
        self.queues = 0

    def create_queue(self, request: Any = None, **_: Any) -> Any:
        self.queues += 1
        if self.queues == 1:
            self.creating.set()
            self.forked.wait()

    def create_task(self, request: Any = None, **_: Any) -> Task:
        return Task(name=f"{QUEUE}/tasks/1")


def main() -> None:
    client = Slow()
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=client)

    @router.post("/hello")
    def hello() -> None: ...

    thread = threading.Thread(target=hello.delay)
    thread.start()
    client.creating.wait()
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # for a child that waits for a thread which it does not have
        hello.delay()
        os._exit(0 if client.queues == 2 else 1)
    client.forked.set()
    thread.join()
    hello.delay()
    assert client.queues == 1
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "the child could not enqueue"


if __name__ == "__main__":
    main()
