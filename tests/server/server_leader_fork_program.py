"""Forks while another thread takes the lead, and lets go of the lead; the child lives on."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from gcptasks.runtime import leader_lock
from gcptasks.runtime.leader_lock import LeaderLock
from gcptasks.store.lock_file import open_lock_file


def main(path: Path) -> None:
    opened, forked = threading.Event(), threading.Event()

    def open_slowly(path: Path) -> int:
        file = open_lock_file(path)
        opened.set()
        forked.wait(0.5)  # a fork that does not wait comes now
        return file

    module: Any = leader_lock
    module.open_lock_file = open_slowly
    lock = LeaderLock(path)
    taking = threading.Thread(target=lock.take)
    taking.start()
    opened.wait()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"up")
        signal.pause()
    os.read(reading, 2)
    forked.set()
    taking.join()
    lock.release()
    print(LeaderLock(path).take(), flush=True)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
