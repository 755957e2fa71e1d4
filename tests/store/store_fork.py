"""Forks while a thread has the writer and does not let go: `python -m store.store_fork DATABASE`.

A process of its own, since the fork of a process with threads warns. It ends with 0 if the child was refused, by each
store on that file and by no other, and the parent goes on.
"""

import os
import signal
import sqlite3
import sys
import threading

from gcptasks.base.errors import StoreError
from gcptasks.base.events import Events
from gcptasks.store import forks
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from store.store_verbs import add_task, all_tasks


def new_store(path: str) -> Store:
    return Store(parse_database(path), Events())


def refused(store: Store) -> bool:
    for call in (lambda: store.write_sync(add_task), lambda: store.read(all_tasks), store.open):
        try:
            call()
        except StoreError as error:
            if "forked while its parent was using the database" in str(error):
                continue
        return False
    return True


def main(path: str) -> None:
    forks._PATIENCE = 0.2
    store, same_file, other = new_store(path), new_store(path), new_store(f"{path}.other")
    for one in (store, same_file, other):
        one.write_sync(add_task)
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
        other.write_sync(add_task)
        os._exit(0 if refused(store) and refused(same_file) else 1)
    forked.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child was not refused, or not rightly"
    for one in (store, same_file):
        one.write_sync(add_task)
    assert len(store.read(all_tasks)) == 4
    assert len(other.read(all_tasks)) == 2
    for one in (store, same_file, other):
        one.close()


if __name__ == "__main__":
    main(sys.argv[1])
