"""The database: verbs write to it and read from it, and whoever wants to know is told."""

import contextvars
import os
import sqlite3
import weakref
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Concatenate, ParamSpec, TypeVar

from gcptasks.base.errors import TaskError
from gcptasks.base.events import Event, Events
from gcptasks.base.running_call import this_frame
from gcptasks.store.cache import Cache
from gcptasks.store.checkpoints import Checkpoints
from gcptasks.store.connection import Synchronous, leave_to_parent, open_reader, open_writer, store_errors
from gcptasks.store.database import Database, prepare_file
from gcptasks.store.loop_lock import Hold, LoopLock
from gcptasks.store.tx import Changes, Tx
from gcptasks.store.write_connection import WriteConnection
from gcptasks.store.writer import Writer

P = ParamSpec("P")
R = TypeVar("R")


class Store:
    """One database, opened at first use. Safe to use from any thread and any event loop, and after a fork."""

    def __init__(self, database: Database, events: Events, synchronous: Synchronous = "full") -> None:
        self.database = database
        self.events = events
        self._synchronous: Synchronous = synchronous
        self._watchers: list[Callable[[Changes], None]] = []
        self._context = contextvars.copy_context()
        self._writer = Writer(self._open, self._tell)
        self._checkpoints = (
            None if database.path is None else Checkpoints(database.path, partial(self._writer.exclusively, first=True))
        )
        self._start_afresh()
        self.write = self._writer.write
        self.write_unsynced = self._writer.write_unsynced
        self.write_unsynced_now = self._writer.write_unsynced_now
        self.write_sync = self._writer.write_sync
        self.data_version = self._writer.data_version
        _stores.add(self)

    def _start_afresh(self) -> None:
        self._reading = LoopLock()
        self._reader: sqlite3.Connection | None = None

    def read(self, verb: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The verb's answer from what is committed now. The verb writes nothing."""

        def run(connection: sqlite3.Connection) -> R:
            # A transaction, so that all that the verb reads is of one moment.
            connection.execute("BEGIN")
            try:
                return verb(Tx(connection, Cache()), *args, **kwargs)
            finally:
                connection.execute("COMMIT")

        with store_errors():
            if self.database.path is None:
                return self._writer.exclusively(run)
            return self._read_file(run)

    def watch(self, watcher: Callable[[Changes], None]) -> Callable[[], None]:
        """Call `watcher` after each commit that a dispatcher may want to know of, in whichever thread committed.

        Returns what ends it.
        """
        self._watchers = [*self._watchers, watcher]

        def end() -> None:
            self._watchers = [other for other in self._watchers if other is not watcher]

        return end

    def open(self) -> None:
        """Open the database now; `StoreError` if it cannot be used."""
        self._writer.exclusively(lambda connection: None)

    def close(self) -> None:
        """Commit what waits and close the file; what is in memory stays. It is opened again when used again."""
        if self._checkpoints is None:
            return
        self._checkpoints.stop()
        hold = self._have_reader(this_frame())
        self._close_reader()
        self._let_go_of_reader(hold)
        self._writer.close()

    def forked(self) -> None:
        """In a forked child: have connections and locks of one's own, and nobody to tell."""
        if self._reader is not None:
            leave_to_parent(self._reader)
        self._watchers = []
        if self._checkpoints is not None:
            self._checkpoints.forked()
        self._start_afresh()
        self._writer.forked()

    def _open(self) -> WriteConnection:
        path = prepare_file(self.database)
        if self._checkpoints is not None:
            self._checkpoints.start()
        return WriteConnection(open_writer(path), self._synchronous, path)

    def _read_file(self, run: Callable[[sqlite3.Connection], R]) -> R:
        hold = self._have_reader(this_frame())
        try:
            found = run(self._read_connection())
        except TaskError:
            self._let_go_of_reader(hold)
            raise
        except BaseException:
            # Statements that somebody still holds, as a traceback may, would keep the connection at an old state.
            self._close_reader()
            raise
        self._let_go_of_reader(hold)
        return found

    def _have_reader(self, frame: FrameType) -> Hold:
        hold = self._reading.acquire(frame)
        assert hold is not None
        if hold.torn:
            self._close_reader()
        return hold

    def _let_go_of_reader(self, hold: Hold) -> None:
        self._reading.release(hold)
        hold.end()

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _read_connection(self) -> sqlite3.Connection:
        if self._reader is None:
            self.open()  # makes the file and its tables
            assert self.database.path is not None
            self._reader = open_reader(self.database.path)
        return self._reader

    def _tell(self, events: list[Event], changes: Changes) -> None:
        # Who commits, commits for others too, so its context variables say nothing about what has happened.
        self._context.copy().run(self._hand_on, events, changes)
        if self._checkpoints is not None:
            self._checkpoints.committed()

    def _hand_on(self, events: list[Event], changes: Changes) -> None:
        self.events.emit(events)
        if changes:
            for watcher in self._watchers:
                watcher(changes)


_stores: "weakref.WeakSet[Store]" = weakref.WeakSet()


def _after_fork() -> None:
    for store in list(_stores):
        store.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
