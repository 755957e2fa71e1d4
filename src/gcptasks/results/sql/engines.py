"""Which engines a store has, and how a statement gets its answer from them.

Every statement commits by itself, and takes a connection for just as long.
"""

import asyncio
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, Engine, QueuePool, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.per_loop import PerLoop
from gcptasks.results.patient_threads import PatientThreads
from gcptasks.results.sql.failures import Failures
from gcptasks.results.sql.flows import Answer
from gcptasks.results.sql.statements import DIALECTS, Statement
from gcptasks.results.sql.urls import awaits, blocks, connect_args, usable

AT_ONCE = 10
"""Calls of an event loop; each has a connection for a statement only."""
_OPTIONS: Mapping[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    "pool_reset_on_return": None,  # a connection that commits each statement is as new
    "pool_size": AT_ONCE,
    "max_overflow": 0,  # those would be made and closed again by each burst of calls
    "pool_use_lifo": True,  # one that was just used is not stale
    "hide_parameters": True,  # errors, and so logs, show nobody's data
}
"""Of engines of ours."""
_LISTENING = {True: ("psycopg", "psycopg2"), False: ("psycopg", "psycopg_async", "asyncpg")}
"""Drivers whose notifications are understood here, by whether they block."""


class Engines:
    """The engines of a store: made of its URL, or the one that a user gave."""

    dialect: str
    """The database."""
    blocks: bool
    """Whether they serve code that blocks, and coroutines in threads."""
    awaits: bool
    """Whether they serve coroutines without threads."""

    def __init__(self, given: "str | URL | Engine | AsyncEngine", failures: Failures) -> None:
        self._failures = failures
        self._url: URL | None = None
        self._given: Engine | None = None
        self._given_async: AsyncEngine | None = None
        if isinstance(given, str | URL):
            self._url = usable(given)
            self.dialect, self._driver = self._url.get_backend_name(), self._url.get_driver_name()
            self.blocks, self.awaits = blocks(self._url), awaits(self._url)
        elif isinstance(given, Engine | AsyncEngine):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a checker
            self.dialect, self._driver = given.dialect.name, given.dialect.driver
            self.blocks, self.awaits = isinstance(given, Engine), isinstance(given, AsyncEngine)
            if isinstance(given, Engine):
                self._given = given.execution_options(isolation_level="AUTOCOMMIT")
            else:
                self._given_async = given.execution_options(isolation_level="AUTOCOMMIT")
        else:
            raise TypeError(f"a URL or an engine of SQLAlchemy is needed, not {given!r}")
        if self.dialect not in DIALECTS:
            raise ValueError(f"results can be kept in PostgreSQL, MySQL, MariaDB and SQLite, not in {self.dialect}")
        # Threads of its own: a database that is down holds up none of the application's.
        self._threads = PatientThreads("task-records")
        self.begin_anew()
        begin_anew_in_children(self)
        if self._url is not None:  # what is wrong with it is to show now
            _blocking(self._url) if self.blocks else _awaited(self._url)

    def begin_anew(self) -> None:
        """Have no connection of the parent's. Engines that a user gave are the user's to dispose of."""
        self._lock = threading.Lock()
        self._of_url: Engine | None = None
        url = self._url
        self._per_loop = PerLoop(lambda: _awaited(url)) if url is not None else None

    @property
    def blocking(self) -> Engine:
        if self._given is not None:
            return self._given
        if self._url is None or not self.blocks:
            raise TypeError("the engine, or the driver of the URL, can only be awaited")
        with self._lock:
            engine = self._of_url
            if engine is None:
                engine = self._of_url = _blocking(self._url)
            return engine

    @property
    def awaited(self) -> AsyncEngine:
        """The one of the running loop."""
        if self._given_async is not None:
            return self._given_async
        if self._per_loop is None or not self.awaits:
            raise TypeError("the engine, or the driver of the URL, can only block")
        return self._per_loop.get()

    @property
    def listens(self) -> bool:
        """Whether the database can tell of changes. Otherwise a wait only asks."""
        return self.dialect == "postgresql" and self._driver in _LISTENING[self.blocks]

    def take(self, statement: Statement) -> Answer:
        """The answer, from code that blocks."""
        tried = 0
        while True:
            try:
                with self.blocking.connect() as connection:
                    return _answer(connection.execute(statement.executable, statement.parameters))
            except DBAPIError as error:
                tried += 1
                self._failures.judge(error, statement, tried)

    async def take_async(self, statement: Statement) -> Answer:
        """The answer, from a coroutine."""
        if not self.awaits:
            return await asyncio.wrap_future(self._threads.call(partial(self.take, statement)))
        tried = 0
        while True:
            try:
                async with self.awaited.connect() as connection:
                    return _answer(await connection.execute(statement.executable, statement.parameters))
            except DBAPIError as error:
                tried += 1
                self._failures.judge(error, statement, tried)

    def work(self, work: Callable[[Connection], None]) -> None:
        """Have it done on a connection."""
        with self.blocking.connect() as connection:
            work(connection)

    async def work_async(self, work: Callable[[Connection], None]) -> None:
        if not self.awaits:
            await asyncio.wrap_future(self._threads.call(partial(self.work, work)))
        else:
            async with self.awaited.connect() as connection:
                await connection.run_sync(work)

    def dispose(self) -> None:
        """Close the connections of engines of ours."""
        if self._of_url is not None:
            self._of_url.dispose()

    async def dispose_async(self) -> None:
        """Close those of the running loop, and what blocks."""
        if self._per_loop is not None and self.awaits:
            await self.awaited.dispose()
        self.dispose()


def _answer(result: CursorResult[Any]) -> Answer:
    if not result.returns_rows:
        return Answer((), result.rowcount)
    rows = result.all()
    return Answer(rows, len(rows))


def _blocking(url: URL) -> Engine:
    with _drivers(url):
        return create_engine(url, poolclass=QueuePool, connect_args=connect_args(url), **_OPTIONS)


def _awaited(url: URL) -> AsyncEngine:
    with _drivers(url):
        return create_async_engine(url, poolclass=AsyncAdaptedQueuePool, connect_args=connect_args(url), **_OPTIONS)


@contextmanager
def _drivers(url: URL) -> Generator[None]:
    """An error about a driver that is missing says so."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(
            f"the driver of {url.drivername} is not installed ({error}). Install it, or name another in the URL"
        ) from error
