"""One port for gRPC and for everything that speaks HTTP/1.1."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Self, cast

from gcptasks.base.budget import Budget, Share
from gcptasks.base.errors import PortInUse, SetupError
from gcptasks.rpc.http2 import Handler, Http2
from gcptasks.rpc.limits import ListenerLimits
from gcptasks.rpc.sieve import PREFACE

_log = logging.getLogger("gcptasks.rpc")

_BACKLOG = 1024
_TRIES = 10
"""For a free port that is free on all addresses of the host."""
_TURNS = 3
"""Of the event loop, until a call that has its outcome has answered: the outcome may come from a thread."""
_FAREWELL = timedelta(seconds=1)
"""For the last bytes of connections that are closed."""

WebProtocolFactory = Callable[[], asyncio.Protocol]
"""Makes the protocol of one HTTP/1.1 connection."""


class Listener:
    """Accepts connections on one port: HTTP/2 is served here, anything else by the web protocol."""

    def __init__(
        self, handle: Handler, web_protocol_factory: WebProtocolFactory, limits: ListenerLimits, budget: Budget
    ) -> None:
        self._handle = handle
        self._web = web_protocol_factory
        self._limits = limits
        self.budget = budget
        self._servers: list[asyncio.Server] = []
        self._openings: set[_Opening] = set()
        self._transports: set[asyncio.Transport] = set()
        self._connections: set[Http2] = set()
        self._stopping = False
        self.host = ""
        self.port = 0

    @classmethod
    async def start(
        cls,
        host: str,
        port: int,
        handle: Handler,
        web_protocol_factory: WebProtocolFactory,
        limits: ListenerLimits | None = None,
        *,
        budget: Budget | None = None,
        sockets: list[socket.socket] | None = None,
    ) -> Self:
        """A listener that accepts; `SetupError` if the address cannot be had. Port 0 is any free one.

        `budget`: the memory of these limits, if the web's protocols share it. `sockets`: those that `bind` gave for
        this address, if it was called before.
        """
        limits = limits or ListenerLimits()
        listener = cls(handle, web_protocol_factory, limits, budget or limits.budget())
        sockets = sockets or await bind(host, port)
        listener.host = host
        listener.port = sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        for sock in sockets:
            listener._servers.append(await loop.create_server(listener._open, sock=sock))
        return listener

    async def stop(self, grace: timedelta, settle: Callable[[], None] = lambda: None) -> None:
        """Accept no more, let the calls that run finish within `grace`, then cancel the rest and close.

        Before the rest is cancelled, `settle` ends what could take effect later: of calls that are told that the
        service is stopping nothing may be done (CT-007). HTTP/1.1 connections are ended by whoever made their factory.
        """
        # A connection that was accepted just now may come to us after this.
        self._stopping = True
        for server in self._servers:
            # No wait_closed: from Python 3.12 on it waits for the HTTP/1.1 connections as well.
            server.close()
        for opening in tuple(self._openings):
            opening.abort()
        for connection in self._connections:
            connection.drain()
        if not await self._wait_until_empty(grace):
            settle()
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        if self._connections:
            _log.warning("cancelling the calls that did not finish within %s", grace)
            for connection in tuple(self._connections):
                connection.abandon()
        if not await self._wait_until_empty(_FAREWELL):
            for connection in tuple(self._connections):
                connection.abort()
            await self._wait_until_empty(_FAREWELL)

    def _open(self) -> asyncio.Protocol:
        return _Opening(self._limits.opening, self._openings, self._admit, self._make_protocol)

    def _admit(self, transport: asyncio.Transport) -> bool:
        """Count one more connection in; False if it may not stay."""
        if self._stopping:
            return False
        most = self._limits.connections
        if len(self._transports) >= most:
            # The web's protocols do not tell us when they close, so look when it matters.
            self._transports = {known for known in self._transports if not known.is_closing()}
        if len(self._transports) >= most:
            _log.warning("closing a new connection: %d are open", most)
            return False
        self._transports.add(transport)
        return True

    def _make_protocol(self, is_http2: bool) -> Http2 | asyncio.Protocol:
        return Http2(self._handle, self._limits, Share(self.budget), self._connections) if is_http2 else self._web()

    async def _wait_until_empty(self, within: timedelta) -> bool:
        """Wait for every HTTP/2 connection to close; False if that takes longer."""
        closed = [connection.closed for connection in self._connections]
        if closed:
            await asyncio.wait(closed, timeout=within.total_seconds())
        return not self._connections


class _Opening(asyncio.Protocol):
    """A connection until its first bytes tell what it speaks."""

    def __init__(
        self,
        patience: timedelta,
        openings: set["_Opening"],
        admit: Callable[[asyncio.Transport], bool],
        make_protocol: Callable[[bool], Http2 | asyncio.Protocol],
    ) -> None:
        self._patience = patience
        self._openings = openings
        self._admit = admit
        self._make_protocol = make_protocol
        self._data = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # that of uvloop does not derive from it
        self._transport = transport
        if not self._admit(transport):
            transport.abort()
            return
        self._openings.add(self)
        self._timer = asyncio.get_running_loop().call_later(self._patience.total_seconds(), self.abort)

    def data_received(self, data: bytes) -> None:
        self._data += data
        is_http2 = self._data.startswith(PREFACE)
        if not is_http2 and PREFACE.startswith(self._data):
            return
        self._finish()
        protocol = self._make_protocol(is_http2)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(self._data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _finish(self) -> None:
        self._openings.discard(self)
        if self._timer:
            self._timer.cancel()


async def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address of the host, all with one port; `SetupError` if they cannot be had."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SetupError(f"cannot listen on {host}:{port}: {error.strerror}; give another host") from error
    addresses = list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))
    tries = _TRIES if port == 0 else 1
    while True:
        try:
            return _bind_each(addresses, port)
        except OSError as error:
            tries -= 1
            if tries == 0:
                raise _refusal(host, port, error) from error


def _bind_each(addresses: Iterable[tuple[int, str]], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in addresses:
        try:
            sock = socket.create_server((address, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            failure = error
            # `localhost` may name ::1 where there is no IPv6; then the other address is enough.
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                continue
            break
        sockets.append(sock)
        # Port 0 gives each socket its own; the first one's is taken for all.
        port = sock.getsockname()[1]
    else:
        if sockets:
            return sockets
    for sock in sockets:
        sock.close()
    assert failure
    raise failure


def _refusal(host: str, port: int, error: OSError) -> SetupError:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(host, port)
    if error.errno == errno.EACCES:
        return SetupError(f"cannot listen on {host}:{port}: not permitted. Choose a port above 1023.")
    return SetupError(f"cannot listen on {host}:{port}: {error.strerror}. Choose another host or port.")
