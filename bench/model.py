"""What is measured: parts, their contestants, and the ratios that are aimed for."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

Figures = dict[str, float]
"""What one run of one contestant measured, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A program that measures one side and prints its figures as one JSON object."""

    name: str
    command: Sequence[str]
    missing: str | None = None
    """Why it cannot run here, and what would change that."""


class Aim(StrEnum):
    """How a row is judged. The first is for costs: how many times less ours takes."""

    TIMES_LESS = "times less, or more"
    AT_LEAST = "of the peer's, or more"
    AT_MOST = "of the peer's, or less"
    NO_MORE = "or less, by itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of ours, beside the same figure of a peer unless the aim is `NO_MORE`."""

    figure: str
    unit: str
    aim: Aim
    peer: str | None = None
    peer_figure: str | None = None
    """Where the peer's figure has another name."""
    ours: str = "ours"
    label: str | None = None
    must: float | None = None
    stretch: float | None = None

    def value(self, ours: float, peer: float) -> float:
        """What the aim judges: a ratio, or the figure itself."""
        match self.aim:
            case Aim.TIMES_LESS:
                return peer / ours
            case Aim.AT_LEAST | Aim.AT_MOST:
                return ours / peer
            case Aim.NO_MORE:
                return ours

    def reaches(self, value: float, goal: float) -> bool:
        """Whether the value is as good as the goal or better."""
        return value <= goal if self.aim in (Aim.AT_MOST, Aim.NO_MORE) else value >= goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One target of the list, such as P1."""

    name: str
    title: str
    contestants: Sequence[Contestant]
    rows: Sequence[Row]
    most_rounds: int = 99
    """Fewer than asked for, where one round takes minutes."""
    warm_up: bool = False
    """Whether a first round is thrown away: it compiles what later ones only load."""
    timeout: float = 300.0
    """Seconds that one run may take."""
