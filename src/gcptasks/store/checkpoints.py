"""Keeps the write-ahead log's file as long as is good for it, in a thread: neither long nor growing at each commit.

**Not long**: the log is copied into the database, so that it begins anew.

SQLite would have whichever commit passes a limit copy the log, on the event loop that it stands on. That is switched
off in every connection of ours. Instead a commit that finds the log long starts a thread, for one round:

1. With a connection of its own it copies while others write, and again what they wrote meanwhile, until little is left.
   Beside steady writes that alone never ends: a log begins anew only at a moment at which all of it is copied.
2. So it takes the writer's lock, which no event loop waits for, and the file's, and copies the small rest. The next
   commit begins the log anew, and cuts the file back to `LOG_LIMIT`.

How long the log is tells the size of its file, which is larger than `LOG_LIMIT` only while there is that much in it. So
every process that writes sees when a round is due, whoever wrote, and whether or not anybody delivers.

**Not growing**: a commit that has to lengthen the file waits longer for its sync than one that writes over what is
there. So a commit that finds the file a little longer has the thread write some MiB at the end of the log and undo
that: no content, but a longer file, which stays so until SQLite removes it, when the last process closes the database.
"""

import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from gcptasks.base.errors import DiskFull, StoreError
from gcptasks.store import schema
from gcptasks.store.connection import LOG_LIMIT, connect, is_busy, store_errors

_log = logging.getLogger("gcptasks")

_LITTLE = 256
"""Pages that are copied in some milliseconds."""
_PASSES = 3
"""How often it copies at most before it finishes with whatever is left, while writers wait."""
_TRIES = 20
"""How often it tries to find a moment at which no other process writes."""
_SELDOM = 0.01
"""Seconds between two looks at a log that is short: a look takes as long as a tenth of a small commit."""
_PAUSE = 0.05
"""Seconds between two rounds, for a reader or another process may keep the log from beginning anew."""
_LONG = 64 * 2**20
"""Bytes in the log from which on it is said what keeps it from beginning anew, and tried once a second."""
_LONG_PAUSE = 1.0
_ROOM = LOG_LIMIT // 4
"""Bytes by which the file is lengthened at once: writers wait for some 5 ms, and the next commit syncs them."""
_GROWN = 2**18
"""Bytes by which commits lengthen the file before it is done for them: who writes a dozen tasks needs no room."""
_SPARE = 2**30
"""Bytes that must be free on the disk."""


class Checkpoints:
    """Keeps the log of one database short. `alone` calls back with the connection that writes; others wait."""

    def __init__(self, path: Path, alone: Callable[[Callable[[sqlite3.Connection], bool | None]], bool | None]) -> None:
        self._path = path
        self._log_path = Path(os.path.realpath(path) + "-wal")
        self._alone = alone
        self._thread: threading.Thread | None = None
        self._copying = threading.Lock()
        """Had while there is a connection that copies."""
        self.paused = False
        self._stopped = False
        self._not_before = self._look_at = 0.0
        self._lengthen_at = _GROWN
        self._complained = False

    def written(self, error: StoreError | None) -> None:
        """Start a round if one is due. Called after each transaction, or why it failed, in whichever thread it was."""
        now = time.monotonic()
        # What is in a log that was copied can be written over, which takes no more of a full disk.
        full = isinstance(error, DiskFull)
        if self._stopped or now < self._not_before or (now < self._look_at and not full):
            return
        self._look_at = now + _SELDOM
        length = self.length()
        if length > (0 if full else LOG_LIMIT):
            self._in_thread(self._round)
        elif self._lengthen_at < length <= LOG_LIMIT - _ROOM:
            self._in_thread(self._lengthen)

    def length(self) -> int:
        """Bytes that the log takes."""
        try:
            return self._log_path.stat().st_size
        except OSError:
            return 0

    def start(self) -> None:
        """Keep the log short from now on, again after `stop`."""
        self._stopped = False
        self._lengthen_at = _GROWN

    def stop(self) -> None:
        """Return when no round is under way any more, its connection closed, and begin none."""
        self._stopped = True
        thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join()

    def pause(self, until: float) -> bool:
        """Let no round begin until `go_on`, once none is under way; False if one is, until then (monotonic)."""
        self.paused = self._copying.acquire(timeout=max(until - time.monotonic(), 0))
        return self.paused

    def go_on(self) -> None:
        """Let rounds begin again."""
        if self.paused:
            self.paused = False
            self._copying.release()

    def begin_anew_after_fork(self) -> None:
        """In a forked child: there is no thread."""
        self._thread = None
        self.paused = False
        self._copying = threading.Lock()

    def _in_thread(self, work: Callable[[], None]) -> None:
        """Have the thread do it, unless there is one that does something."""
        if self._thread is not None and self._thread.is_alive():
            return
        # Two at the same moment do no harm: SQLite lets one of them copy or write.
        self._thread = threading.Thread(target=work, name="gcptasks-checkpoint")
        try:
            self._thread.start()
        except RuntimeError:  # no thread to be had, or the interpreter is shutting down
            work()

    def _lengthen(self) -> None:
        """Lengthen the file by `_ROOM`, unless another process writes; whatever fails, all is as it was."""
        with self._copying, suppress(sqlite3.Error, StoreError, OSError):
            if shutil.disk_usage(self._log_path.parent).free > _SPARE:
                with closing(connect(self._path, patience=0)) as lengthening:
                    if schema.owner(lengthening) == schema.APPLICATION_ID:
                        self._alone(lambda writing: _write_and_undo(lengthening))
        self._lengthen_at = self.length() + _GROWN

    def _round(self) -> None:
        try:
            with self._copying, store_errors(self._path):
                whole = self._copy_all()
        except StoreError as error:
            self._complain("the log of the database cannot be copied into it, and is tried again: %s", error)
            self._not_before = time.monotonic() + _LONG_PAUSE
            return
        long = self.length() > _LONG
        if whole:
            self._complained = False
        elif long:
            self._complain(
                "the log of the database %s has %d MiB, and grows: somebody else reads from the database, in a "
                "transaction that does not end. End the program that has the file open, such as a shell of SQLite; "
                "then the log is cut back by itself",
                self._path,
                self.length() // 2**20,
            )
        if not whole:
            self._not_before = time.monotonic() + (_LONG_PAUSE if long else _PAUSE)

    def _complain(self, message: str, *values: object) -> None:
        """Say it once, until all is well again."""
        if not self._complained:
            self._complained = True
            _log.warning(message, *values)

    def _copy_all(self) -> bool:
        """Have all of the log copied at one moment; whether there was one."""
        with closing(connect(self._path, patience=0)) as copying:
            # Asked also because SQLite copies no log that it has not opened, and opens it when it first reads.
            if schema.owner(copying) != schema.APPLICATION_ID:
                return False
            for _ in range(_TRIES):
                self._copy_most(copying)
                if self._stopped:
                    return False
                whole = self._alone(lambda writing: _finish(writing, copying))
                if whole is not None:
                    return whole
                time.sleep(0.002)
        return False

    def _copy_most(self, copying: sqlite3.Connection) -> None:
        before = 0
        for _ in range(_PASSES):
            length, _ = _copy(copying)
            if length - before < _LITTLE or self._stopped:
                return
            before = length


def _finish(writing: sqlite3.Connection, copying: sqlite3.Connection) -> bool | None:
    """Copy the rest while nobody writes; whether that was all, or None if another process was writing."""
    try:
        writing.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        if is_busy(error):
            return None
        raise
    try:
        length, copied = _copy(copying)
        return length == copied
    finally:
        writing.rollback()


def _write_and_undo(lengthening: sqlite3.Connection) -> None:
    """Write behind what the log has, so that its file is `_ROOM` longer, and leave nothing of it in the database.

    What fails, as where another process is writing, is left undone: it is no concern of whoever writes next.
    """
    # What does not fit into the cache is written before it is committed, which here it never is.
    lengthening.execute("PRAGMA cache_size = 10")
    with suppress(sqlite3.Error):
        lengthening.execute("BEGIN IMMEDIATE")
        lengthening.execute("CREATE TABLE room (bytes BLOB)")
        lengthening.execute("INSERT INTO room VALUES (zeroblob(?))", (_ROOM - _ROOM // 64,))  # pages have headers
    lengthening.rollback()


def _copy(copying: sqlite3.Connection) -> tuple[int, int]:
    """Copy what nobody still needs as it was; the pages in the log, and how many of them are copied by now."""
    _, length, copied = copying.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return length, copied
