"""What this machine lacks for a moment: it is no fault of a worker, and no attempt."""

import asyncio
import errno
import logging
import os
import socket

_log = logging.getLogger("gcptasks")

_PAUSE = 1.0
"""Seconds until it is tried again."""
_CODES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class NotYet(Exception):
    """Nothing can be sent now, and nothing was. Begin again once `ready` is done, which is shared: shield it."""

    def __init__(self, ready: "asyncio.Future[None]") -> None:
        super().__init__()
        self.ready = ready


class Lacking(OSError):
    """This machine lacks what the text names."""


class Shortage:
    """Has all who want a connection wait together, while this machine has none to give."""

    def __init__(self) -> None:
        self._pause: asyncio.Future[None] | None = None
        self._said = False

    def check(self) -> None:
        """`NotYet` during a pause."""
        if (pause := self._under_way()) is not None:
            raise NotYet(pause)

    def begin(self, what: str) -> NotYet:
        """Pause, since that is lacking; what to raise."""
        if not self._said:
            self._said = True
            _log.warning("attempts wait, and none is counted: %s", what)
        pause = self._under_way()
        if pause is None:
            loop = asyncio.get_running_loop()
            self._pause = pause = loop.create_future()
            loop.call_later(_PAUSE, pause.set_result, None)
        return NotYet(pause)

    def end(self) -> None:
        """A connection was opened."""
        if self._said and self._under_way() is None:
            self._said = False
            _log.warning("attempts are made again")

    def _under_way(self) -> "asyncio.Future[None] | None":
        return None if self._pause is None or self._pause.done() else self._pause


def lacking(error: BaseException) -> str | None:
    """What this machine lacked, if that is why the error came; None if it is the worker's."""
    match error:
        case Lacking():
            return str(error)
        case MemoryError():
            return os.strerror(errno.ENOMEM)
        case socket.gaierror():
            return os.strerror(errno.ENOMEM) if error.errno == socket.EAI_MEMORY else _lacking_descriptors()
        case OSError(errno=int(number)) if number in _CODES:
            return os.strerror(number)
        case _:
            return _lacking_descriptors()


def _lacking_descriptors() -> str | None:
    """As `lacking`, of errors that do not say so: of a name that cannot be looked up, of certificates not found."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return os.strerror(error.errno) if error.errno in _CODES else None
    return None
