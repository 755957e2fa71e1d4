"""The addresses of hosts, looked up in threads of our own.

asyncio would look them up in the threads that the app has for its own work, and a few names that take long would fill
them. A lookup cannot be stopped: one that takes too long is given up, and its thread left to itself.
"""

import asyncio
import contextlib
import socket
from collections import deque
from functools import partial
from typing import NamedTuple

from gcptasks.runtime.own_thread import in_own_thread
from gcptasks.runtime.targets.shortage import Lacking, NotYet, lacking

_KEPT = 10.0
"""Seconds that an answer is used."""
_FAILURE_KEPT = 2.0
_FRESH = 1.0
"""Seconds for which nothing better is expected, though the addresses lead nowhere."""
_SLOW = 1.0
"""Seconds after which a lookup lets another begin beside it."""
_TOO_LONG = 60.0
"""Seconds after which a lookup is given up."""
_MOST_LOOKUPS = 64
"""At the same time, each for another host; slow ones do not count."""
_MOST_THREADS = 256
"""With those of slow lookups, and of lookups that were given up."""
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
        self._quick: set[_Lookup] = set()
        self._threads = 0
        self._most_kept = _MOST_KEPT

    async def find(self, host: str) -> list[Host]:
        """The addresses, in the order to try them; what `getaddrinfo` raises if there are none.

        `NotYet` if too many other hosts are being looked up.
        """
        if (known := _without_lookup(host)) is not None:
            return known
        lookup = self._lookups.get(host)
        if lookup is None or lookup.is_old(_KEPT):
            lookup = self._begin(host)
        if not lookup.begun.done():
            raise NotYet(lookup.begun)
        found = await asyncio.shield(lookup.found)
        if isinstance(found, Exception):
            raise found.with_traceback(None)  # of whoever asked before
        return found

    async def find_others(self, host: str, tried: list[Host]) -> list[Host] | None:
        """Other addresses than these, which led nowhere: they may have been kept for too long."""
        lookup = self._lookups.get(host)
        if lookup is None:
            return None
        if lookup.is_old(_FRESH):
            self._begin(host)
        found = await self.find(host)
        return None if found == tried else found

    def _begin(self, host: str) -> "_Lookup":
        lookup = self._lookups[host] = _Lookup(host)
        self._waiting.append(lookup)
        self._start()
        if len(self._lookups) > self._most_kept:
            self._lookups = {host: lookup for host, lookup in self._lookups.items() if not lookup.is_old(_KEPT)}
            self._most_kept = max(_MOST_KEPT, 2 * len(self._lookups))
        return lookup

    def _start(self) -> None:
        while self._waiting and len(self._quick) < _MOST_LOOKUPS and self._threads < _MOST_THREADS:
            lookup = self._waiting.popleft()
            lookup.begun.set_result(None)
            try:
                thread = in_own_thread(partial(_look_up, lookup.host), "gcptasks-lookup")
            except RuntimeError as error:  # there is none to be had
                lookup.end(Lacking(str(error)))
                continue
            self._threads += 1
            self._quick.add(lookup)
            loop = asyncio.get_running_loop()
            too_long = socket.gaierror(socket.EAI_AGAIN, f"the lookup took longer than {_TOO_LONG:g} s")
            timers = [
                loop.call_later(_SLOW, self._make_room, lookup),
                loop.call_later(_TOO_LONG, lookup.end, too_long),
            ]
            lookup.found.add_done_callback(partial(self._found, lookup, timers))
            thread.add_done_callback(partial(self._thread_ended, lookup))

    def _make_room(self, lookup: "_Lookup") -> None:
        self._quick.discard(lookup)
        self._start()

    def _found(self, lookup: "_Lookup", timers: list[asyncio.TimerHandle], _: "asyncio.Future[Found]") -> None:
        for timer in timers:
            timer.cancel()
        self._make_room(lookup)

    def _thread_ended(self, lookup: "_Lookup", thread: "asyncio.Future[Found]") -> None:
        self._threads -= 1
        lookup.end(thread.result())
        self._start()


class _Lookup:
    """The lookup of one host, and what it found."""

    __slots__ = ("_ended_at", "_loop", "begun", "found", "host")

    def __init__(self, host: str) -> None:
        self.host = host
        self._loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = self._loop.create_future()
        self.found: asyncio.Future[Found] = self._loop.create_future()
        self._ended_at = 0.0

    def end(self, found: Found) -> None:
        """That was found; what comes later does not count."""
        if not self.found.done():
            self._ended_at = self._loop.time()
            self.found.set_result(found)

    def is_old(self, kept: float) -> bool:
        """Whether to look it up again, if an answer is kept for so long."""
        if not self.found.done():
            return False
        match self.found.result():
            case Lacking():
                kept = 0.0
            case Exception():
                kept = min(kept, _FAILURE_KEPT)
            case _:
                pass
        return self._loop.time() >= self._ended_at + kept


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
