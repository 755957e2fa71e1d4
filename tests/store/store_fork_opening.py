"""Forks while a thread is opening the file and has to wait: `python -m store.store_fork_opening DATABASE`.

It ends with 0 if the child was refused, and the parent goes on.
"""

import os
import signal
import sqlite3
import sys
import threading
from contextlib import closing

from gcptasks.base.events import Events
from gcptasks.store import forks
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.store.write_connection import WriteConnection
from store.store_fork import refused
from store.store_verbs import add_task, all_tasks


class Opening(Store):
    """Says when it is about to be opened."""

    def __init__(self, path: str) -> None:
        self.opening = threading.Event()
        super().__init__(parse_database(path), Events())

    def _open(self) -> WriteConnection:
        self.opening.set()
        return super()._open()


def main(path: str) -> None:
    forks._PATIENCE = 0.2
    store = Opening(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as locked:
        locked.execute("BEGIN EXCLUSIVE")
        thread = threading.Thread(target=store.open)
        thread.start()
        store.opening.wait()
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # for a child that waits for a thread which it does not have
            os._exit(0 if refused(store) else 1)
        locked.execute("COMMIT")
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child was not refused"
    store.write_sync(add_task)
    assert len(store.read(all_tasks)) == 1
    store.close()


if __name__ == "__main__":
    main(sys.argv[1])
