"""Where a task stands in the order of when tasks are due."""

from typing import NamedTuple


class Due(NamedTuple):
    """A task that waits: when it is due, in microseconds since 1970, and its number."""

    at: int
    number: int


BEGINNING = Due(-(2**62), 0)
"""Before every task."""
