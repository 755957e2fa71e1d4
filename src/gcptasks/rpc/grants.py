"""How much of large requests may be under way at once."""

from collections import deque
from collections.abc import Callable


class Grants:
    """Opens the windows of large requests, oldest first, as far as the budget goes.

    A stream may send its first window unasked. The length prefix is in there, so what it needs beyond is
    known, and is granted whole: whoever was granted can finish, and nobody waits for one who can't.
    """

    def __init__(self, budget: int, grant: Callable[[int, int], None]) -> None:
        self._budget = budget
        self._grant = grant
        self._held: dict[int, int] = {}
        self._waiting: deque[tuple[int, int]] = deque()

    def ask(self, stream: int, size: int) -> None:
        """Let the stream send `size` more bytes, now or once others are done."""
        self._waiting.append((stream, size))
        self._serve()

    def done(self, stream: int) -> None:
        """The stream's bytes are no longer held, or no longer wanted."""
        if stream in self._held:
            self._budget += self._held.pop(stream)
            self._serve()
        elif self._waiting:
            self._waiting = deque(entry for entry in self._waiting if entry[0] != stream)

    def _serve(self) -> None:
        # One that is alone may exceed the budget, otherwise it would wait for ever.
        while self._waiting and (self._waiting[0][1] <= self._budget or not self._held):
            stream, size = self._waiting.popleft()
            self._held[stream] = size
            self._budget -= size
            self._grant(stream, size)
