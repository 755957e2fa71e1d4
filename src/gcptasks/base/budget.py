"""A budget of bytes, and each holder's share of it.

What is small is counted as it comes. What is large is asked for, and may have to wait: for that a holder may have a
part of what the others leave. So one alone leaves much of it, a hundred that take all they can get leave something as
well, and whoever comes new is served.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable


class Budget:
    """Bytes that all may hold together: each one part in `parts` of what the others leave, and `always` so many."""

    def __init__(self, size: int, *, parts: int, always: int = 0) -> None:
        self.size = size
        self.parts = parts
        self.always = min(always, size // parts)
        self.held = 0
        self.granted = 0
        """Of these, the bytes of what is large."""
        self._waiting: OrderedDict[Share, None] = OrderedDict()
        self._serving = False

    def wait(self, share: "Share") -> None:
        """Serve that share once bytes are free."""
        self._waiting[share] = None

    def freed(self) -> None:
        """Bytes are free: in the next turn of the loop let those in who fit."""
        if self._waiting and not self._serving:
            self._serving = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        self._serving = False
        shares, self._waiting = self._waiting, OrderedDict()
        for share in shares:
            if share.serve():
                self._waiting[share] = None


class Share:
    """Bytes that one holds of a budget."""

    def __init__(self, budget: Budget) -> None:
        self.held = 0
        self.granted = 0
        self._budget = budget
        self._waiting: OrderedDict[int, tuple[int, Callable[[], None]]] = OrderedDict()

    def limit(self) -> int:
        """How many bytes it may be granted."""
        budget = self._budget
        return max((budget.size - budget.held + self.granted) // budget.parts, budget.always)

    def is_full(self) -> bool:
        """Whether it may not even count what is small."""
        return self._budget.held > self._budget.size and self.held > self._budget.always

    def is_idle(self) -> bool:
        """Whether it holds nothing and waits for nothing."""
        return not (self.held or self._waiting)

    def has_room(self, size: int) -> bool:
        """Whether so many bytes that are there already may be kept."""
        budget = self._budget
        return size <= budget.always or budget.held + size <= budget.size or budget.granted == 0

    def hold(self, size: int) -> None:
        """Count so many bytes more, or fewer."""
        self.held += size
        self._budget.held += size
        if size < 0:
            self._budget.freed()

    def grant(self, size: int) -> None:
        """Count so many bytes of something large more, or fewer."""
        self.granted += size
        self._budget.granted += size
        self.hold(size)

    def ask(self, key: int, size: int, ready: Callable[[], None]) -> bool:
        """Grant so many bytes and call `ready`: at once if they fit, and True, or once they do."""
        self._waiting[key] = (size, ready)
        if self.serve():
            self._budget.wait(self)
            return False
        return True

    def forget(self, key: int) -> None:
        """That one waits no longer."""
        self._waiting.pop(key, None)

    def serve(self) -> bool:
        """Let in who fits, the oldest first; True if some still wait."""
        while self._waiting:
            key, (size, ready) = next(iter(self._waiting.items()))
            if not self._fits(size):
                return True
            del self._waiting[key]
            self.grant(size)
            ready()
        return False

    def _fits(self, size: int) -> bool:
        if self.granted + size <= self.limit():
            return True
        budget = self._budget
        # The only one of its holder may take more, though not all that is left to others, and the only one of all
        # what it needs: otherwise it would wait for ever.
        return self.granted == 0 and (budget.held + size <= budget.size * 3 // 4 or budget.granted == 0)
