"""The database: verbs write to it and read from it, and whoever wants to know is told."""

import contextvars
import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from gcptasks.base.errors import StoreError, TaskError
from gcptasks.base.events import Events
from gcptasks.store.cache import Cache
from gcptasks.store.checkpoints import Checkpoints
from gcptasks.store.connection import Synchronous, open_reader, open_writer, store_errors
from gcptasks.store.database import Database, prepare_file
from gcptasks.store.forks import see_through_forks
from gcptasks.store.leases import Leased
from gcptasks.store.reader import Reader
from gcptasks.store.tx import Changes, Tx
from gcptasks.store.write_connection import WriteConnection
from gcptasks.store.writer import Writer

P = ParamSpec("P")
R = TypeVar("R")

_NOT_CLOSED = (
    "this process was forked while its parent was using the database, for longer than 5 s, so it cannot use the "
    "database: fork at another moment, or start the process anew, as multiprocessing does with 'spawn'"
)
_IN_MEMORY = (
    "this process was forked from one that keeps its tasks in memory, which stay with that process: "
    "give a file as the database, or make the service after the fork"
)


class Starter(Protocol):
    """Who delivers what is due, and may do so at once with what is new."""

    def begin_new(self, tx: Tx) -> None:
        """Begin the attempts that may start once this transaction is committed, in whichever thread runs it."""

    def begun(self, leased: list[Leased]) -> None:
        """These have begun: the transaction is committed. It may be said more than once, and waits for nobody."""

    def not_begun(self, leased: list[Leased]) -> None:
        """The transaction in which these were to begin was not committed."""


class Store:
    """One database, opened at first use. Safe to use from any thread and any event loop, and after a fork."""

    def __init__(self, database: Database, events: Events, synchronous: Synchronous = "full") -> None:
        self.database = database
        self.events = events
        self._synchronous: Synchronous = synchronous
        self._watchers: list[Callable[[Changes], None]] = []
        self._record_watchers: list[Callable[[list[str]], None]] = []
        self._context = contextvars.copy_context()
        self._starter: Starter | None = None
        self._writer = Writer(
            self._open,
            self._tell,
            self._keep_log_short,
            complete=self._choose_new,
            begin=self._begin_new,
            undone=self._take_back,
        )
        self._checkpoints = (
            None if database.path is None else Checkpoints(database.path, partial(self._writer.exclusively, first=True))
        )
        self._reader = Reader(self._open_reader)
        self._refusal: str | None = None
        """Why nothing can be opened, in a forked child."""
        self.write = self._writer.write
        self.write_unsynced = self._writer.write_unsynced
        self.enqueue = self._writer.enqueue
        self.enqueue_unsynced = self._writer.enqueue_unsynced
        self.write_unsynced_now = self._writer.write_unsynced_now
        self.write_sync = self._writer.write_sync
        self.write_sync_unsynced = self._writer.write_sync_unsynced
        self.data_version = self._writer.data_version
        see_through_forks(self)

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
            return self._reader.read(run)

    def watch(self, watcher: Callable[[Changes], None]) -> Callable[[], None]:
        """Call `watcher` after each commit that a dispatcher may want to know of, in whichever thread committed.

        Returns what ends it.
        """
        self._watchers = [*self._watchers, watcher]

        def end() -> None:
            self._watchers = [other for other in self._watchers if other is not watcher]

        return end

    def start_with(self, starter: Starter) -> Callable[[], None]:
        """Let `starter`, and nobody else, begin attempts of new tasks in the transactions that create them.

        Returns what ends it.
        """
        self._starter = starter

        def end() -> None:
            if self._starter is starter:
                self._starter = None

        return end

    def watch_records(self, watcher: Callable[[list[str]], None]) -> None:
        """Call `watcher`, in whichever thread committed, with the ids of records of tasks that may have changed.

        Not in a forked child, which has to watch by itself.
        """
        self._record_watchers.append(watcher)

    def open(self) -> None:
        """Open the database now; `StoreError` if it cannot be used."""
        self._writer.exclusively(lambda connection: None)

    def settle(self) -> None:
        """Commit what waits, blocking the thread, so that every call to write has its outcome."""
        self._writer.settle()

    def close(self) -> None:
        """Commit what waits and close the file; what is in memory stays. It is opened again when used again."""
        if self._checkpoints is None:
            return
        self._checkpoints.stop()
        self._reader.close()
        self._writer.close()

    @property
    def file(self) -> Path | None:
        return None if self.database.path is None else Path(os.path.realpath(self.database.path))

    # Whatever has a connection to the file belongs into the three that follow.

    @property
    def file_is_open(self) -> bool:
        """Whether there may be a connection to the file, though `close_before_fork` was called."""
        if self._checkpoints is None:
            return False
        closed = self._writer.is_closed_for_fork and self._reader.is_closed_for_fork
        return not (closed and self._checkpoints.paused)

    def close_before_fork(self, until: float) -> None:
        """Keep everybody from the database, and close its file, if that does not take longer than that (monotonic)."""
        try:
            if self._checkpoints is None or self._checkpoints.pause(until):
                self._reader.close_before_fork(until)
                self._writer.close_before_fork(until)
        except TaskError:
            pass  # the call that forks is itself within the database

    def go_on_after_fork(self) -> None:
        """In the parent: let others have the database again."""
        self._writer.go_on_after_fork()
        self._reader.go_on_after_fork()
        if self._checkpoints is not None:
            self._checkpoints.go_on()

    def begin_anew_after_fork(self, *, spoilt: bool) -> None:
        """In the child: have connections and locks of one's own, and nobody to tell; or refuse every call."""
        if spoilt:
            self._refusal = _NOT_CLOSED
        elif self.database.path is None and self._writer.is_open:
            self._refusal = _IN_MEMORY
        self._watchers, self._record_watchers, self._starter = [], [], None
        self._writer.begin_anew_after_fork()
        self._reader.begin_anew_after_fork()
        if self._checkpoints is not None:
            self._checkpoints.begin_anew_after_fork()

    def _open(self) -> WriteConnection:
        if self._refusal is not None:
            raise StoreError(self._refusal)
        path = prepare_file(self.database)
        if self._checkpoints is not None:
            self._checkpoints.start()
        return WriteConnection(open_writer(path), self._synchronous, path)

    def _open_reader(self) -> sqlite3.Connection:
        self.open()  # makes the file and its tables
        assert self.database.path is not None
        return open_reader(self.database.path)

    def _tell(self, tx: Tx) -> None:
        # Who commits, commits for others too, so its context variables say nothing about what has happened.
        self._context.copy().run(self._hand_on, tx)

    def _choose_new(self, tx: Tx) -> None:
        if self._starter is not None and tx.tasks.unwritten:
            self._starter.begin_new(tx)

    def _begin_new(self, tx: Tx) -> None:
        if self._starter is not None and tx.begun:
            self._starter.begun(tx.begun)

    def _take_back(self, tx: Tx) -> None:
        if self._starter is not None and tx.begun:
            self._starter.not_begun(tx.begun)

    def _keep_log_short(self, error: StoreError | None) -> None:
        if self._checkpoints is not None:
            self._checkpoints.written(error)

    def _hand_on(self, tx: Tx) -> None:
        self.events.emit(tx.events)
        self._begin_new(tx)
        if tx.changes:
            for watcher in self._watchers:
                watcher(tx.changes)
        if tx.changed_records:
            for record_watcher in self._record_watchers:
                record_watcher(tx.changed_records)
