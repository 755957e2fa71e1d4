"""`SQLResults`."""

import time
from datetime import timedelta

from sqlalchemy import URL, Connection, Engine, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.per_loop import PerLoop
from gcptasks.results.listening import TaskListeners, ThreadListener
from gcptasks.results.sql.engines import AT_ONCE, Engines
from gcptasks.results.sql.failures import Failures
from gcptasks.results.sql.flows import Answer, SQLFlows
from gcptasks.results.sql.notifications import Listening, listen
from gcptasks.results.sql.statements import Statement, Statements
from gcptasks.results.sql.table import records_table
from gcptasks.results.store import KEEP, MAX_BYTES, AsyncStore, BlockingStore, StoreSettings
from gcptasks.results.verbs import AwaitedVerbs, BlockingVerbs
from gcptasks.results.waiting import Listener, Waiters

_LONGEST_NAME = 50
"""PostgreSQL's names have 63, and those of the indexes begin with the table's."""
_TRIES = 5
_PAUSE = 0.02
"""Seconds before the second try, and as many more before each further one."""


class SQLResults:
    """Records of tasks in a table of a database: PostgreSQL, MySQL, MariaDB or a file of SQLite.

    Takes a URL as SQLAlchemy has them, or an engine. A URL whose driver both blocks and awaits, as psycopg does, and a
    blocking engine serve both kinds of code; an `AsyncEngine`, or the URL of a driver that can only be awaited, serves
    coroutines alone.

    `create_tables` makes the table.
    """

    def __init__(
        self,
        url_or_engine: "str | URL | Engine | AsyncEngine",
        *,
        table: str = "task_records",
        expires_after: timedelta = KEEP,
        max_bytes: int = MAX_BYTES,
        tracebacks: bool = False,
    ) -> None:
        if not 0 < len(table) <= _LONGEST_NAME:
            raise ValueError(f"the name of a table has 1 to {_LONGEST_NAME} characters, not {len(table)}")
        self.settings = StoreSettings(expires_after=expires_after, max_bytes=max_bytes, tracebacks=tracebacks)
        self.table: Table = records_table(table)
        """For migrations: `results.table.to_metadata(your_metadata)`."""
        self._engines = Engines(url_or_engine, Failures(table))
        statements = Statements(self.table, self._engines.dialect)
        self._flows = SQLFlows(statements, expires_after)
        self._waiters = Waiters()
        self._waiters.listener = _listener(self._engines, statements.channel, self._waiters)
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        self._awaited = PerLoop(self._for_loop)

    @property
    def remote(self) -> bool:
        """Whether its calls may hang, as those over a network do."""
        return self._engines.dialect != "sqlite"

    def blocking(self) -> BlockingStore:
        """The store for code that blocks; `TypeError` where the engine or the driver can only be awaited."""
        self._check_blocks("Code that blocks (sync builders, def endpoints)")
        return BlockingVerbs(self._flows, self._engines.take, self._waiters, self._engines.dispose)

    def awaiting(self) -> AsyncStore:
        """The store for coroutines of the running loop."""
        return self._awaited.get()

    def create_tables(self) -> None:
        """Create the table and its indexes, unless they are there."""
        self._check_blocks("create_tables(), unlike async_create_tables(),")
        self._engines.work(lambda connection: _create(connection, self.table))

    async def async_create_tables(self) -> None:
        """Create the table and its indexes, unless they are there."""
        await self._engines.work_async(lambda connection: _create(connection, self.table))

    def _check_blocks(self, what: str) -> None:
        if not self._engines.blocks:
            raise TypeError(
                f"{what} needs an Engine, or a URL whose driver blocks (as postgresql+psycopg does); "
                "this SQLResults can only be awaited"
            )

    def _for_loop(self) -> "AwaitedVerbs[Statement, Answer]":
        engines = self._engines
        return AwaitedVerbs(self._flows, engines.take_async, self._waiters, engines.dispose_async, AT_ONCE)


def _listener(engines: Engines, channel: str, waiters: Waiters) -> Listener | None:
    # The engines are asked for anew each time: a forked child has others, and so has each loop.
    if not engines.listens:
        return None
    if engines.blocks:
        return ThreadListener(lambda: Listening(engines.blocking, channel), waiters)
    return TaskListeners(lambda: listen(engines.awaited, channel), waiters)


def _create(connection: Connection, table: Table) -> None:
    tried = 0
    while True:
        try:
            if connection.dialect.name == "sqlite":
                # Readers and the writer do not wait for each other then. It stays so in the file. SQLite itself waits
                # for nobody here who does the same.
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            table.create(connection, checkfirst=True)
            for index in table.indexes:  # which a process that was killed may have left out
                index.create(connection, checkfirst=True)
            return
        except DBAPIError:
            # Another process creates them at this moment. Then they are there at the next look.
            tried += 1
            if tried == _TRIES:
                raise
            time.sleep(_PAUSE * tried)
