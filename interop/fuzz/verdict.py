"""What became of one random request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """A request, and what is wrong with how it was answered."""

    request: str
    """So that it can be sent again."""
    problem: str = ""
    """Empty: nothing is."""
    may_write: bool = False
    """Whether it was accepted, and of a kind that changes something."""
