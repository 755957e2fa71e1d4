"""A socket that is connected to a worker."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterable

from gcptasks.runtime.targets.resolver import Host
from gcptasks.runtime.targets.shortage import Lacking, lacking


async def dial(hosts: Iterable[Host], port: int) -> socket.socket:
    """A socket connected to the first address that takes one; the error of the one that got farthest, if none does."""
    errors: list[OSError] = []
    for host in hosts:
        try:
            return await _connect(host, port)
        except OSError as error:
            if lacking(error):
                raise
            errors.append(error)
    raise min(errors, key=_rank, default=OSError("the host has no address"))


async def _connect(host: Host, port: int) -> socket.socket:
    address = host.at(port)
    with contextlib.ExitStack() as unless_connected:
        sock = unless_connected.enter_context(
            # asyncio turns Nagle's algorithm off for what says that it is TCP.
            socket.socket(host.family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        )
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and _has_a_way_to(host, port):
                raise Lacking("no local port is free") from error
            raise
        unless_connected.pop_all()
    return sock


def _has_a_way_to(host: Host, port: int) -> bool:
    """Whether this machine has an address to send from: then it was a port that was lacking."""
    try:
        with socket.socket(host.family, socket.SOCK_DGRAM) as probe:
            probe.connect(host.at(port))
    except OSError:
        return False
    return True


def _rank(error: OSError) -> int:
    """An address that this machine cannot reach, as of IPv6 where there is none, says less than one that refused."""
    return 0 if isinstance(error, ConnectionRefusedError) else 1
