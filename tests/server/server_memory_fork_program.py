"""A service in memory whose process forks: the child is told why it cannot go on, the parent goes on."""

import os
import sys

from google.api_core.exceptions import InternalServerError

from fastapi_gcp_tasks import LocalService
from server.server_apps import QUEUE, Carrier


def refused(local: LocalService) -> str:
    client = local.tasks_client()
    for call in (lambda: client.list_tasks(parent=QUEUE), lambda: client.get_queue(name=QUEUE)):
        try:
            call()
        except InternalServerError as error:
            said = str(error)
        else:
            raise AssertionError("a call was answered")
    return said


def main() -> None:
    carrier, unused = Carrier("memory:"), Carrier("memory:")
    carrier.note.delay(text="of the parent")
    pid = os.fork()
    if pid == 0:
        print(refused(carrier.local))
        try:
            carrier.note.delay(text="of the child")
        except InternalServerError as error:
            print(error)
        # One that nobody had used is each process's own.
        unused.note.delay(text="of the child")
        sys.stdout.flush()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    carrier.note.delay(text="of the parent again")
    assert len(list(carrier.local.tasks_client().list_tasks(parent=QUEUE))) == 2


if __name__ == "__main__":
    main()
