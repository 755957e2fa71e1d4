"""The addresses of hosts, looked up in threads of our own.

asyncio would look them up in the threads that the app has for its own work, and a few names that take long would fill
them. A lookup cannot be stopped, so its thread is a daemon: it keeps no process from ending.
"""

import asyncio
import contextlib
import socket
import threading
from collections import deque
from typing import NamedTuple

from gcptasks.runtime.targets.shortage import Lacking, NotYet, lacking

_KEPT = 10.0
"""Seconds that an answer is used."""
_FAILURE_KEPT = 2.0
_MOST_LOOKUPS = 64
"""At the same time, each for another host."""
_MOST_KEPT = 1000


class Host(NamedTuple):
    """One address of a host, as a socket takes it but for the port."""

    family: int
    ip: str
    scope: tuple[int, ...] = ()

    def at(self, port: int) -> tuple[str | int, ...]:
        """The address with its port, as a socket takes it."""
        return self.ip, port, *self.scope


Found = list[Host] | Exception

_LOCALHOST = [Host(socket.AF_INET6, "::1"), Host(socket.AF_INET, "127.0.0.1")]


class Resolver:
    """Finds the addresses of a host.

    For each there is one lookup at a time, shared by all who ask, and what it finds is kept for a short time.
    """

    def __init__(self) -> None:
        self._lookups: dict[str, _Lookup] = {}
        self._waiting: deque[_Lookup] = deque()
        self._running = 0
        self._most_kept = _MOST_KEPT

    async def find(self, host: str) -> list[Host]:
        """The addresses, in the order to try them; what `getaddrinfo` raises if there are none.

        `NotYet` if too many other hosts are being looked up.
        """
        if (known := _without_lookup(host)) is not None:
            return known
        found = await asyncio.shield(self._lookup(host).found)
        if isinstance(found, Exception):
            raise found.with_traceback(None)  # of whoever asked before
        return found

    def _lookup(self, host: str) -> "_Lookup":
        lookup = self._lookups.get(host)
        if lookup is None or lookup.is_old():
            lookup = self._lookups[host] = _Lookup(host)
            self._waiting.append(lookup)
            self._start()
            if len(self._lookups) > self._most_kept:
                self._forget_old()
        if not lookup.begun.done():
            raise NotYet(lookup.begun)
        return lookup

    def _start(self) -> None:
        while self._waiting and self._running < _MOST_LOOKUPS:
            lookup = self._waiting.popleft()
            lookup.begun.set_result(None)
            try:
                threading.Thread(target=self._run, args=(lookup,), name="gcptasks-lookup", daemon=True).start()
            except RuntimeError as error:  # no thread to be had
                lookup.end(Lacking(str(error)))
            else:
                self._running += 1

    def _run(self, lookup: "_Lookup") -> None:
        """Look it up, in a thread."""
        found = _look_up(lookup.host)
        # A loop that was closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            lookup.loop.call_soon_threadsafe(self._end, lookup, found)

    def _end(self, lookup: "_Lookup", found: Found) -> None:
        self._running -= 1
        lookup.end(found)
        self._start()

    def _forget_old(self) -> None:
        self._lookups = {host: lookup for host, lookup in self._lookups.items() if not lookup.is_old()}
        self._most_kept = max(_MOST_KEPT, 2 * len(self._lookups))


class _Lookup:
    """The lookup of one host, and what it found."""

    __slots__ = ("_until", "begun", "found", "host", "loop")

    def __init__(self, host: str) -> None:
        self.host = host
        self.loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = self.loop.create_future()
        self.found: asyncio.Future[Found] = self.loop.create_future()
        self._until = 0.0

    def end(self, found: Found) -> None:
        match found:
            case Lacking():
                kept = 0.0
            case Exception():
                kept = _FAILURE_KEPT
            case _:
                kept = _KEPT
        self._until = self.loop.time() + kept
        self.found.set_result(found)

    def is_old(self) -> bool:
        return self.found.done() and self.loop.time() >= self._until


def _without_lookup(host: str) -> list[Host] | None:
    """The addresses of what is no name, and of this machine, which needs nobody to be asked."""
    if host in ("localhost", "localhost."):
        return _LOCALHOST
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, host)
            return [Host(family, host)]
    return None


def _look_up(host: str) -> Found:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [Host(family, str(address[0]), address[2:]) for family, _, _, _, address in found]
    except Exception as error:  # who asked gets it: an OSError, a ValueError for what can be no host, a MemoryError
        # Asked now, since it may not be lacking any more when the error is read.
        what = lacking(error)
        return error if what is None else Lacking(what)
