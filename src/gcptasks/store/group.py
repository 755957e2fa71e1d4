"""Verbs that are committed together, and how far they have come.

A call may be interrupted anywhere, so this says at each moment what is true: whoever takes over answers what was
committed, and runs again what was not.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from gcptasks.base.errors import StoreError
from gcptasks.store.loop_lock import Hold
from gcptasks.store.pending import Pending
from gcptasks.store.tx import Tx

_durable = attrgetter("durable")
_TELLINGS = 3
"""How often it is tried to tell of a commit, each time after an interruption."""


class Group:
    """Verbs of one transaction, by the call that has the `hold`."""

    __slots__ = (
        "_running",
        "_tellings",
        "committed",
        "durable",
        "error",
        "hold",
        "interruption",
        "synced",
        "tx",
        "verbs",
    )

    def __init__(self, verbs: list[Pending[Any]], hold: Hold) -> None:
        self.verbs = verbs
        self.hold = hold
        self.durable = any(map(_durable, verbs))
        self.tx: Tx | None = None
        self.committed: list[object] = []
        """Not empty if it is."""
        self.synced = False
        """Whether nothing is left to be done before it is answered, once it is committed."""
        self.error: StoreError | None = None
        """Why it failed, as a whole."""
        self.interruption: Exception | None = None
        """What came from outside while a verb ran, and is raised in the call that ran it once all is done."""
        self._running: Pending[Any] | None = None
        self._tellings = 0

    def run(self, tx: Tx, complete: Callable[[Tx], None]) -> None:
        """Run the verbs, and what completes their transaction, which is left open."""
        self.tx = tx
        for one in self.verbs:
            self._running = one
            interruption = one.run(tx)
            if interruption is not None:
                self.interruption = interruption
        self._running = None
        complete(tx)
        tx.finish()

    def undone(self) -> None:
        """The transaction was undone after an interruption, so that the verbs can be run again."""
        for one in self.verbs:
            one.undone(interrupted=one is self._running)

    def fail(self, error: StoreError) -> None:
        for one in self.verbs:
            one.fail(error)

    def may_be_told(self) -> bool:
        """Whether to tell of it: after an interruption again, but not for ever."""
        self._tellings += 1
        return self._tellings <= _TELLINGS
