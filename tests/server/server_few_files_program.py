"""Tasks for a worker that hangs, in a process that may have few files open, stopped at once: `python -m … DATABASE`.

It fails where an attempt that was never sent counts.
"""

import asyncio
import resource
import socket
import sys
from collections import Counter

from google.cloud.tasks_v2 import HttpRequest, ListTasksRequest, Queue, Task

from fastapi_gcp_tasks import LocalService
from server.server_apps import QUEUE, URL

TASKS = 40


async def main(database: str) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (96, hard))
    local = LocalService(database, app_url=URL, grace=0)
    client = local.tasks_client()
    client.create_queue(parent=QUEUE.partition("/queues/")[0], queue=Queue(name=QUEUE))

    def counts() -> Counter[tuple[int, bool]]:
        tasks = client.list_tasks(request=ListTasksRequest(parent=QUEUE, response_view=Task.View.FULL))
        return Counter((task.dispatch_count, "first_attempt" in task) for task in tasks)

    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        silent.setblocking(False)
        for number in range(TASKS):
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/{number}"
            client.create_task(parent=QUEUE, task=Task(http_request=HttpRequest(url=url)))
        async with local.running(None):
            sent = 13
            open_connections = [await asyncio.get_running_loop().sock_accept(silent) for _ in range(sent)]
            while counts() != {(1, True): TASKS}:
                await asyncio.sleep(0.01)
        assert counts() == {(1, True): sent, (0, False): TASKS - sent}, counts()
        for connection, _ in open_connections:
            connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
