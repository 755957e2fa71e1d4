"""What a test has go wrong with attempts of tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from gcptasks.testing.enqueued import EnqueuedTask
from gcptasks.testing.matching import Match


class Kind(Enum):
    ANSWER = auto()
    TIMEOUT = auto()
    TWICE = auto()
    LAST = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one attempt."""

    kind: Kind
    status: int = 0


class AttemptFaults:
    """What goes wrong with which attempts."""

    def __init__(self) -> None:
        self._planned: list[tuple[Match, Fault]] = []

    @property
    def any_last(self) -> bool:
        """Whether any task is to come after all others that are due."""
        return any(fault.kind is Kind.LAST for _, fault in self._planned)

    def plan(self, match: Match, fault: Fault) -> None:
        """Have this happen to the next attempt at such a task."""
        self._planned.append((match, fault))

    def take(self, is_meant: Callable[[Match], bool]) -> Fault | None:
        """What is to happen to the attempt that begins now, and is meant so."""
        for one in self._planned:
            if is_meant(one[0]):
                self._planned.remove(one)
                return one[1]
        return None

    def waits(self, task: EnqueuedTask) -> bool:
        """Whether it is to come after all others that are due."""
        return any(fault.kind is Kind.LAST and match.fits(task) for match, fault in self._planned)


class NextAttempt:
    """The next attempt at a task: say what happens to it."""

    def __init__(self, faults: AttemptFaults, match: Match) -> None:
        self._faults = faults
        self._match = match

    def answers(self, status: int) -> None:
        """Have it answered with that HTTP status. The endpoint is not called."""
        if not 100 <= status <= 599:
            raise ValueError(f"status must be one of HTTP, such as 503, not {status!r}")
        self._faults.plan(self._match, Fault(Kind.ANSWER, status))

    def times_out(self) -> None:
        """Have its response lost. The endpoint is called, and the queue takes it for failed."""
        self._faults.plan(self._match, Fault(Kind.TIMEOUT))

    def comes_twice(self) -> None:
        """Have it delivered twice, one after the other."""
        self._faults.plan(self._match, Fault(Kind.TWICE))

    def comes_last(self) -> None:
        """Have it delivered after all others that are due then."""
        self._faults.plan(self._match, Fault(Kind.LAST))
