"""Connections to workers, kept for the next attempt."""

import asyncio
import os
import socket
import ssl
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gcptasks.base.deadlines import Deadlines
from gcptasks.base.errors import DeadlinePassed, Unreachable
from gcptasks.runtime.targets.address import Origin
from gcptasks.runtime.targets.connection import Connection, tls_reason
from gcptasks.runtime.targets.dialing import dial
from gcptasks.runtime.targets.open_files import connections_to_workers
from gcptasks.runtime.targets.places import Places
from gcptasks.runtime.targets.resolver import Resolver
from gcptasks.runtime.targets.shortage import NotYet, Shortage, lacking

_AT_A_TIME = 64 * 1024
"""Bytes of a response that are read at a time."""
_HANDSHAKE = 3600.0
"""Seconds for TLS to begin: more than an attempt may take, so that its deadline is what ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """What connections may cost."""

    connections: int = field(default_factory=connections_to_workers)
    """How many there are at most, over all workers."""
    idle_connections: int = 256
    """How many are kept while nothing needs them, over all workers."""
    idle_time: timedelta = timedelta(seconds=4)
    """How long one is kept; below the 5 s after which uvicorn and Node close theirs."""
    stale_within: timedelta = timedelta(seconds=1)
    """A kept connection that closes so soon after a request had gone stale; one that closes later failed at work."""
    body_bytes: int = 32 * 1024 * 1024
    """How much of a response's body is read before its connection is closed instead."""


class Pool:
    """Opens connections, and keeps those that can serve again."""

    def __init__(self, limits: PoolLimits, verify: bool | ssl.SSLContext) -> None:
        self._limits = limits
        self._verify = verify
        self._tls: ssl.SSLContext | None = None
        self._resolver = Resolver()
        self._shortage = Shortage()
        self.places = Places(limits.connections)
        """Take one before a connection, and give it back when that was kept or is gone."""
        self._open: set[Connection] = set()
        self._idle: dict[Origin, deque[Connection]] = {}
        self._idle_count = 0
        self._deadlines = Deadlines()
        self._buffer = memoryview(bytearray(_AT_A_TIME))
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def take_kept(self, origin: Origin) -> Connection | None:
        """The connection used last that is still alive, if one is kept."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            self._idle_count -= 1
            if connection.alive:
                return connection
        return None

    async def connect(self, origin: Origin, until: float) -> Connection:
        """A new connection; `Unreachable` if the worker takes none, `DeadlinePassed` after `until`.

        `NotYet` if this machine has none to give.
        """
        self._shortage.check()
        if self._idle_count > self.places.free:
            self._close_one_kept()
        timeout = asyncio.timeout_at(until)
        try:
            async with timeout:
                connection = await self._opened(origin)
        except (OSError, ValueError, MemoryError) as error:  # a ValueError for what can be no host, as a label too long
            if timeout.expired():
                raise DeadlinePassed from None
            if what := lacking(error):
                raise self.pause(what) from error
            raise Unreachable(_why(error, origin)) from error
        self._shortage.end()
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._open.discard(connection))
        return connection

    def pause(self, what: str) -> NotYet:
        """Open no connection for a moment, since that is lacking; what to raise."""
        return self._shortage.begin(what)

    async def _opened(self, origin: Origin) -> Connection:
        over: dict[str, Any] = {}
        if origin.scheme == "https":
            name = origin.host.rstrip(".")  # the dot of a full name stands in no certificate
            over = {"ssl": self._tls_context(), "server_hostname": name, "ssl_handshake_timeout": _HANDSHAKE}
        sock = await self._socket(origin)
        _, connection = await asyncio.get_running_loop().create_connection(self._new, sock=sock, **over)
        return connection

    async def _socket(self, origin: Origin) -> socket.socket:
        hosts = await self._resolver.find(origin.host)
        try:
            return await dial(hosts, origin.port)
        except OSError as error:
            others = None if lacking(error) else await self._resolver.find_others(origin.host, hosts)
            if others is None:
                raise
            return await dial(others, origin.port)

    def keep(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose exchange has ended, or close it if it can't or shan't serve again."""
        if self._closed or not connection.reusable or self._idle_count >= self._limits.idle_connections:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(origin, deque()).append(connection)
        self._idle_count += 1
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._limits.idle_time.total_seconds(), self._sweep)

    async def close(self) -> None:
        """Close every connection and return when they are closed."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        self._idle_count = 0
        lost = [connection.lost for connection in self._open]
        for connection in tuple(self._open):
            connection.abort()
        if lost:
            await asyncio.wait(lost)

    def _new(self) -> Connection:
        return Connection(self._limits.body_bytes, self._deadlines, self._buffer)

    def _tls_context(self) -> ssl.SSLContext:
        # Made at the first need: it reads the certificates of the system, which takes milliseconds.
        if self._tls is None:
            self._tls = self._verify if isinstance(self._verify, ssl.SSLContext) else _context(self._verify)
        return self._tls

    def _close_one_kept(self) -> None:
        """Make room for a connection to another worker."""
        idle = next(filter(None, self._idle.values()))
        idle.popleft().abort()
        self._idle_count -= 1

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        span = self._limits.idle_time.total_seconds()
        for origin, idle in list(self._idle.items()):
            while idle and (not idle[0].alive or idle[0].idle_since + span <= loop.time()):
                idle.popleft().abort()
                self._idle_count -= 1
            if not idle:
                del self._idle[origin]
        oldest = min((idle[0].idle_since for idle in self._idle.values()), default=None)
        self._sweeper = None if oldest is None else loop.call_at(oldest + span, self._sweep)


def _context(verify: bool) -> ssl.SSLContext:
    # Without a file descriptor to read them with, OpenSSL has no certificates and does not say so.
    os.close(os.open(os.devnull, os.O_RDONLY))
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _why(error: Exception, origin: Origin) -> str:
    match error:
        case socket.gaierror():
            return f"the host {origin.host} cannot be found: {error.strerror}"
        case ssl.SSLError():
            return f"no TLS with {origin}: {tls_reason(error)}"
        case ConnectionRefusedError():
            return f"connection refused by {origin}"
        case ConnectionResetError() | ConnectionAbortedError() if origin.scheme == "https":
            return f"no TLS with {origin}: the connection was closed during the handshake"
        case _:
            return f"no connection to {origin}: {error}"
