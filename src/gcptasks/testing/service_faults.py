"""What a test has go wrong with calls of the service."""

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager

from google.api_core.exceptions import DeadlineExceeded, ServiceUnavailable


class ServiceFaults:
    """Makes calls of the service fail, as Google's do now and then."""

    def __init__(self) -> None:
        self._refusals = deque[Exception]()
        self._down = 0
        self._slow = 0

    def refuse_next(self, error: object) -> None:
        """Have the next call that creates tasks or writes a job raise this, and change nothing."""
        if not isinstance(error, Exception):
            raise TypeError(f"refuse_next takes an error, such as ResourceExhausted('…'), not {error!r}")
        self._refusals.append(error)

    @contextmanager
    def down(self) -> Generator[None]:
        """Have every call raise `ServiceUnavailable` within this block, and change nothing."""
        self._down += 1
        try:
            yield
        finally:
            self._down -= 1

    @contextmanager
    def slow(self) -> Generator[None]:
        """Have every call raise `DeadlineExceeded` within this block, though the service does what it was asked."""
        self._slow += 1
        try:
            yield
        finally:
            self._slow -= 1

    def before(self, method: str) -> None:
        """Raise what a call of that method is to raise at once."""
        if self._down:
            raise ServiceUnavailable("the test says that the service is down")
        if self._refusals and method in _REFUSED:
            raise self._refusals.popleft()

    def after(self) -> None:
        """Raise what a call is to raise when it is done."""
        if self._slow:
            raise DeadlineExceeded("the test says that the service is too slow")


_REFUSED = frozenset(("CreateTask", "BatchCreateTasks", "BufferTask", "CreateJob", "UpdateJob"))
