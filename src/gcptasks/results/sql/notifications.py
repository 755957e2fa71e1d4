"""PostgreSQL tells of changes: `LISTEN` on a connection that is no longer its pool's."""

import asyncio
import select
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from gcptasks.results.listening import AsyncSubscription, Heard

_BLOCKING = ("psycopg", "psycopg2")
_AWAITED = ("psycopg", "asyncpg")


def can_listen(engine: Engine | AsyncEngine) -> bool:
    """Whether its driver is one whose notifications are understood here. With others a wait only asks."""
    drivers = _BLOCKING if isinstance(engine, Engine) else _AWAITED
    return engine.dialect.name == "postgresql" and engine.dialect.driver.removesuffix("_async") in drivers


class Listening:
    """A connection that blocks."""

    def __init__(self, engine: Engine, channel: str) -> None:
        pooled = engine.raw_connection()
        connection: Any = pooled.driver_connection
        self._connection = connection
        pooled.detach()
        try:
            self._connection.rollback()  # what a user's own event may have begun
            self._connection.autocommit = True
            self._connection.cursor().execute(_listen(channel))
            self._poll = select.poll()
            self._poll.register(self._connection.fileno(), select.POLLIN)
        except BaseException:
            self.close()
            raise

    def heard(self, seconds: float) -> Iterable[Heard]:
        return map(_parsed, self._told()) if self._poll.poll(seconds * 1000) else ()

    def close(self) -> None:
        self._connection.close()

    def _told(self) -> list[str]:
        if hasattr(self._connection, "pgconn"):
            return _told_psycopg(self._connection)
        self._connection.poll()
        told = [notify.payload for notify in self._connection.notifies]
        self._connection.notifies.clear()
        return told


async def listen(engine: AsyncEngine, channel: str) -> AsyncSubscription:
    """A connection of the running loop."""
    pooled = await engine.raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    listening = _ListeningAsyncpg(connection) if engine.dialect.driver == "asyncpg" else _ListeningPsycopg(connection)
    try:
        await listening.start(channel)
    except BaseException:
        await listening.close()
        raise
    return listening


class _ListeningAsyncpg:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._told: asyncio.Queue[str] = asyncio.Queue()

    async def start(self, channel: str) -> None:
        await self._connection.add_listener(channel, self._notified)

    async def heard(self, seconds: float) -> Iterable[Heard]:
        if self._connection.is_closed():
            raise ConnectionError("the database closed the connection")
        try:
            async with asyncio.timeout(seconds):
                told = [await self._told.get()]
        except TimeoutError:
            return ()
        while not self._told.empty():
            told.append(self._told.get_nowait())
        return map(_parsed, told)

    async def close(self) -> None:
        self._connection.terminate()

    def _notified(self, connection: object, pid: int, channel: str, payload: object) -> None:
        self._told.put_nowait(str(payload))


class _ListeningPsycopg:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._readable = asyncio.Event()

    async def start(self, channel: str) -> None:
        await self._connection.rollback()
        await self._connection.set_autocommit(True)
        await self._connection.execute(_listen(channel))
        asyncio.get_running_loop().add_reader(self._connection.fileno(), self._readable.set)

    async def heard(self, seconds: float) -> Iterable[Heard]:
        try:
            async with asyncio.timeout(seconds):
                await self._readable.wait()
        except TimeoutError:
            return ()
        self._readable.clear()
        return map(_parsed, _told_psycopg(self._connection))

    async def close(self) -> None:
        if not self._connection.closed:
            asyncio.get_running_loop().remove_reader(self._connection.fileno())
        await self._connection.close()


def _listen(channel: str) -> str:
    quoted = channel.replace('"', '""')
    return f'LISTEN "{quoted}"'


def _told_psycopg(connection: Any) -> list[str]:
    told: list[str] = []
    connection.pgconn.consume_input()
    while (notify := connection.pgconn.notifies()) is not None:
        told.append(notify.extra.decode())
    return told


def _parsed(news: str) -> Heard:
    id, _, version = news.partition(" ")
    return id, int(version) if version.isdecimal() else None
