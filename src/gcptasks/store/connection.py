"""Connections to the database, set up as this service needs them."""

import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from gcptasks.base.errors import Busy, Corrupt, DiskFull, StoreError
from gcptasks.store import schema

Synchronous = Literal["full", "normal"]

LOG_LIMIT = 16 * 2**20
"""Bytes of the log that are kept, to be written over, once the log was copied into the database."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def connect(path: Path | None, *, patience: float, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode that waits up to `patience` seconds for another process's lock.

    It never makes the file.
    """
    return sqlite3.connect(
        ":memory:" if path is None else f"{path.as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=path is not None,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )


def open_writer(path: Path | None) -> sqlite3.Connection:
    """The connection that writes, on a file that is there, and has the newest schema afterwards.

    `StoreError`, and the file stays as it is, if it belongs to another program.
    """
    if sqlite3.sqlite_version_info < (3, 35):
        raise StoreError(f"SQLite 3.35 or newer is needed, this Python has {sqlite3.sqlite_version}")
    with store_errors(path):
        if path is not None and _has_log(path):
            # Whoever can write and closes last copies the log into the file. Another program's is to stay as it is.
            with closing(connect(path, patience=10, read_only=True)) as looking:
                schema.check_owner(looking, path)
        connection = connect(path, patience=10)
        try:
            if path is not None:
                schema.check_owner(connection, path)
                _write_ahead(connection, patience=10)
                leave_checkpoints(connection)
            # Some distributions have SQLite write zeros over all that is deleted: a body costs as much again then.
            connection.execute("PRAGMA secure_delete = FAST")
            schema.migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _has_log(path: Path) -> bool:
    """Whether there is something in the write-ahead log. If not, who only reads would make one and leave it behind."""
    try:
        return Path(os.path.realpath(path) + "-wal").stat().st_size > 0
    except OSError:
        return False


def _write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Have the file in the mode in which readers and writers no longer wait for each other; it is kept in the file."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.Error as error:
            # SQLite waits for a lock, but not where two processes that make the file at once both change its mode.
            if not is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(0.005)


def leave_checkpoints(connection: sqlite3.Connection) -> None:
    """Have no commit copy the log: `Checkpoints` does. The first commit to a log that was copied cuts its file back."""
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT}")


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, on a file that a writer has opened before."""
    with store_errors(path):
        connection = connect(path, patience=10)
        connection.execute("PRAGMA query_only = ON")
        return connection


def data_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection has written; it says nothing to compare it with another's."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


_left_by_forks: list[sqlite3.Connection] = []


def leave_to_parent(connection: sqlite3.Connection) -> None:
    """In a forked child: keep the connection as it is. Closing it would clean up the file under its parent."""
    _left_by_forks.append(connection)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection's lock is the reason."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _BUSY


@contextmanager
def store_errors(path: Path | None = None) -> Generator[None]:
    """Raise sqlite3's errors as ours, which name the file, if it is given."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_store_error(error, path) from error


def as_store_error(error: sqlite3.Error, path: Path | None = None) -> StoreError:
    whole_code = getattr(error, "sqlite_errorcode", 0)
    code = whole_code & 0xFF
    named = "" if path is None else f" {path}"
    if code in _BUSY:
        return Busy(f"the database{named} is locked by another process: {error}")
    if code == sqlite3.SQLITE_FULL or whole_code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return DiskFull(f"the disk of the database{named} is full, so nothing was written; free some space: {error}")
    if code in _CORRUPT:
        return Corrupt(f"the file{named} is not a database of this service: {error}")
    return StoreError(f"the database{named} cannot be used: {error}")
