"""Forks while a thread has the writer; then child and parent write: `python -m store.store_fork DATABASE`.

A process of its own, since the fork of a process with threads warns. It ends with 0 if all was written.
"""

import os
import signal
import sqlite3
import sys
import threading

from gcptasks.base.events import Events
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from store.store_verbs import add_task, all_tasks


def main(path: str) -> None:
    store = Store(parse_database(path), Events())
    store.write_sync(add_task)
    having, forked = threading.Event(), threading.Event()

    def have_across_the_fork(connection: sqlite3.Connection) -> None:
        having.set()
        forked.wait()

    thread = threading.Thread(target=store._writer.exclusively, args=(have_across_the_fork,))
    thread.start()
    having.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # for a child that waits for a thread which it does not have
        store.write_sync(add_task)
        os._exit(0)
    forked.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child could not write"
    store.write_sync(add_task)
    assert len(store.read(all_tasks)) == 3
    store.close()


if __name__ == "__main__":
    main(sys.argv[1])
