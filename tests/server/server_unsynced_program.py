"""Enqueues on a disk that cannot sync: `python -m … DATABASE [SYNCHRONOUS]`; says what came of it."""

import sys
from typing import Any

from google.api_core.exceptions import InternalServerError
from google.cloud.tasks_v2 import HttpRequest, Task

from cli.cli_disk_without_sync import fail_syncs
from fastapi_gcp_tasks import LocalService
from server.server_apps import QUEUE, URL

if __name__ == "__main__":
    database, *chosen = sys.argv[1:]
    settings: dict[str, Any] = {"synchronous": chosen[0]} if chosen else {}
    task = Task(http_request=HttpRequest(url=f"{URL}/task"))
    # SQLite syncs the first entry of a log at each setting, and the log goes with the last who has it open.
    first = LocalService(database, app_url=URL).tasks_client()
    first.create_task(parent=QUEUE, task=task)
    client = LocalService(database, app_url=URL, **settings).tasks_client()
    client.get_queue(name=QUEUE)
    fail_syncs()
    try:
        client.create_task(parent=QUEUE, task=task)
    except InternalServerError as error:
        print("refused:", error)
    else:
        print("accepted")
