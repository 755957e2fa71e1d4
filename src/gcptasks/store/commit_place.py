"""Where a commit is made: on the event loop, or in a thread if the disk is slow."""

_SLOW = 0.003
"""Seconds that a commit takes, smoothed, from which on commits go to a thread."""
_SMOOTHING = 0.1
_COMMITS_IN_THREAD = 50
"""After so many, one is tried on the loop again: in a thread, waiting for the interpreter spoils the measure."""


class CommitPlace:
    """Chooses by how long commits took. Only synced ones count: the others do not wait for the disk."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._thread_commits_left = 0

    def choose_thread(self) -> bool:
        """Whether the next commit goes to a thread, which is counted."""
        if self._thread_commits_left == 0:
            return False
        self._thread_commits_left -= 1
        return True

    def took(self, seconds: float) -> None:
        """A commit on an event loop took that long."""
        self._seconds += (seconds - self._seconds) * _SMOOTHING
        if self._seconds > _SLOW and self._thread_commits_left == 0:
            self._thread_commits_left = _COMMITS_IN_THREAD
