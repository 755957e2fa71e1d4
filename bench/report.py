"""What the figures of a part say, as text and as JSON."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.model import Aim, Part, Row
from bench.race import Runs

Paint = Callable[[str, bool], str]
"""Marks a verdict as good or bad, where colours can be seen."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some rounds, and how far they lie apart."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.least)}..{number(self.most)})"


@dataclass(frozen=True, slots=True)
class Result:
    """One row as measured."""

    row: Row
    ours: Spread
    peer: Spread | None
    value: Spread
    """The ratio of each round's pair, or ours alone."""

    def reached(self, goal: float) -> bool:
        return self.row.reaches(self.value.median, goal)


def number(value: float) -> str:
    """The value with three significant digits, and no exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.5f}"


def results(part: Part, runs: Runs) -> list[Result]:
    """The rows whose contestants ran and gave the figure."""
    return [result for row in part.rows if (result := _result(row, runs)) is not None]


def _result(row: Row, runs: Runs) -> Result | None:
    ours = _column(runs, row.ours, row.figure)
    if row.aim is Aim.NO_MORE:
        return Result(row, Spread.of(ours), None, Spread.of(ours)) if ours else None
    peer = _column(runs, row.peer, row.peer_figure or row.figure)
    if not ours or not peer:
        return None
    values = [row.value(mine, theirs) for mine, theirs in zip(ours, peer, strict=True)]
    return Result(row, Spread.of(ours), Spread.of(peer), Spread.of(values))


def _column(runs: Runs, contestant: str | None, figure: str) -> list[float]:
    return [figures[figure] for figures in runs.get(contestant or "", []) if figure in figures]


def text(part: Part, found: Sequence[Result], paint: Paint) -> str:
    """The part as a person reads it."""
    lines = [f"{part.name}  {part.title}"]
    lines += [f"    left out: {c.name}, {c.missing}" for c in part.contestants if c.missing]
    for result in found:
        lines += _lines(result, paint)
    return "\n".join(lines)


def _lines(result: Result, paint: Paint) -> list[str]:
    row = result.row
    title = row.label or row.figure
    if result.peer is None:
        return [f"    {title}: {result.ours} {row.unit}{_verdicts(result, '', paint)}"]
    return [
        f"    {title}: {result.value}×{_verdicts(result, '×', paint)}",
        f"        {row.ours} {result.ours} {row.unit}, {row.peer} {result.peer} {row.unit}",
    ]


def _verdicts(result: Result, unit: str, paint: Paint) -> str:
    said = ""
    for name, goal in (("must", result.row.must), ("stretch", result.row.stretch)):
        if goal is not None:
            reached = result.reached(goal)
            said += f"  {name} {number(goal)}{unit} " + paint("reached" if reached else "not reached", reached)
    return said


def data(part: Part, runs: Runs, found: Sequence[Result]) -> dict[str, Any]:
    """The part for programs, every round included."""
    return {
        "part": part.name,
        "title": part.title,
        "left_out": {c.name: c.missing for c in part.contestants if c.missing},
        "runs": runs,
        "rows": [_row_data(result) for result in found],
    }


def _row_data(result: Result) -> dict[str, Any]:
    row = result.row
    return {
        "figure": row.figure,
        "label": row.label or row.figure,
        "unit": row.unit,
        "ours": {"name": row.ours, **_spread_data(result.ours)},
        "peer": {"name": row.peer, **_spread_data(result.peer)} if result.peer else None,
        "value": _spread_data(result.value),
        "aim": str(row.aim),
        "must": row.must,
        "stretch": row.stretch,
        "must_reached": None if row.must is None else result.reached(row.must),
        "stretch_reached": None if row.stretch is None else result.reached(row.stretch),
    }


def _spread_data(spread: Spread) -> dict[str, float]:
    return {"median": spread.median, "least": spread.least, "most": spread.most}
