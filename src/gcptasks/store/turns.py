"""Fair turns among the processes that write to one file.

SQLite lets write whoever comes at the right moment, and has the others look again after pauses that grow. So a process
that writes all the time is hardly ever found pausing, and the others starve. Here, who finds the database busy waits
for the turn, which is a lock on a file beside the database, and keeps it until he writes. Who has written for a while
without pause looks whether anybody has the turn; if so, he waits for one as well, behind those who are there.

Who is alone pays for two looks at the clock, and for one at the file every 10 ms.
"""

import contextlib
import fcntl
import io
import time
from collections.abc import Callable
from pathlib import Path

from gcptasks.store.lock_file import open_lock_file

_TURN = 0.010
"""Seconds for which one writes without looking whether others wait; each handing on costs about a millisecond."""
_PAUSE = 0.005
"""Seconds in which whoever has the turn will have begun to write."""
_PATIENCE = 0.25
"""Seconds after which one who waits for the turn no longer relies on it: who has it may have been stopped."""
_DISREGARD = 1.0
"""Seconds for which nobody is let go first, after one was who did not write at all."""


class Turns:
    """The turns of one process at one file, `path` being what is locked; always its own turn without one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: io.FileIO | None = None
        self._began = 0.0
        self._ended = 0.0
        self._passed_over = False
        self._disregard_until = 0.0

    def ours(self) -> bool:
        """Whether to try and write now. Asked before each transaction."""
        if self._path is None:
            return True
        now = time.monotonic()
        if now - self._ended > _PAUSE:
            self._began = now
        elif now - self._began > _TURN:
            if now > self._disregard_until and self._awaited():
                return False
            self._began = now
        return True

    def ended(self) -> None:
        """A transaction ended."""
        self._ended = time.monotonic()

    def wait(self, begin: Callable[[], bool], until: float) -> bool:
        """Wait for the turn and call `begin` until it succeeds; False if it did not by then (monotonic)."""
        came = now = time.monotonic()
        if until <= now:
            return False
        try:
            while True:
                has_turn = self._take()
                if (has_turn or now > min(came + _PATIENCE, until)) and begin():
                    self._began = time.monotonic()
                    self._passed_over = not has_turn
                    return True
                if now > until:
                    return False
                time.sleep(_pause(now - came, has_turn=has_turn))
                now = time.monotonic()
        finally:
            self.leave()

    def nobody_wrote(self) -> None:
        """While this process waited, nobody else wrote: if somebody has the turn, he makes no use of it."""
        if self._passed_over:
            self._disregard_until = time.monotonic() + _DISREGARD

    def leave(self) -> None:
        """Let the next one have the turn."""
        file = self._file
        if file is not None and not file.closed:
            with contextlib.suppress(OSError):  # where nothing can be locked
                # Explicitly, for a forked child may have the file open as well.
                fcntl.flock(file, fcntl.LOCK_UN)
            file.close()
        self._file = None

    def forked(self) -> None:
        """In a forked child: the turn is the parent's."""
        if self._file is not None:
            self._file.close()

    def _take(self) -> bool:
        """Take the turn, if nobody else has it; True as well if no turns can be had here at all."""
        assert self._path is not None
        if self._file is not None and not self._file.closed:
            return True
        try:
            file = io.FileIO(open_lock_file(self._path))
        except OSError:
            return True
        self._file = file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.leave()
            return False
        except OSError:
            pass
        return True

    def _awaited(self) -> bool:
        """Whether anybody else has the turn."""
        assert self._path is not None
        try:
            with io.FileIO(self._path) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # there is none yet, for one
            return False
        return False


def _pause(waited: float, *, has_turn: bool) -> float:
    """Seconds until one who has waited for that long looks again."""
    if waited > _PATIENCE:
        return 0.005  # something takes long, so it does not matter
    # Who came last, as one does who has just written, looks less often: others are nearly always before him.
    return 0.0005 if has_turn or waited > 2 * _TURN else 0.003
